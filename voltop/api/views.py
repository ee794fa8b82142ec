"""The life of an API request, one order for every route.

Credentials, then the count of calls (429), then the active provider, then the permission of the
operation (403), then the query string, then the body and the object (400, 404). What is raised
anywhere becomes a problem document.
`OperationView` serves routes that are no resource (log-in, uploads); `voltop.api.viewsets`, those
that are.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, cast

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_cache_control
from django.utils.datastructures import MultiValueDict
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from voltop.addresses import client_address
from voltop.api import errors, idempotency, rates
from voltop.api.body import read_body
from voltop.api.negotiation import OnlyOne
from voltop.api.permissions import (
    ANYONE,
    OperationPermission,
    Principal,
    permission_of,
    require_complete,
)
from voltop.api.query import read_query, refuse_unknown
from voltop.api.serializers import Serializer
from voltop.context import Actor
from voltop.errors import DomainError, NotAuthenticated, StaleVersion

IdempotencyMode = Literal["accepted", "required", "refused"]
ETAG = re.compile(r'"([0-9]{1,18})"')
LENIENT = re.compile(r"(^|[,;\s])handling\s*=\s*lenient($|[,;\s])", re.IGNORECASE)
MAX_WARNINGS = 50
TAKE_A_BODY = ("POST", "PUT", "PATCH")
FINAL = (
    "check_permissions",
    "dispatch",
    "get_permissions",
    "initial",
    "permission_classes",
    "query_params",
)


class StrictRequest(Request):
    """A request whose body is what its parser says: never silently empty, never a form."""

    def _parse(self) -> tuple[Any, MultiValueDict]:
        parser: Any = next(iter(self.parsers or ()))
        return parser.parse(None, self.content_type, self.parser_context), MultiValueDict()


class StrictView(APIView):
    """What resource and other views share; apps derive from OperationView or a viewset.

    - `permissions`: action (on plain views: method in lower case) -> permission; none may miss.
    - `input_serializers`: action -> serializer of the body. An action without one, or with none
      but optional fields, takes no body and `{}` alike; whatever else stands there is refused.
    - `output_serializers`, `statuses`, `errors`: action -> what a success shows, its status (else
      200, create 201), and the domain errors it can meet; the schema is drawn from them.
    - `files`: action -> content types, where a success is a file and no JSON.
    - `conditional`: actions that answer 304 to the `If-None-Match` of what is still so.
    - `query_parameters`: action -> name -> JSON schema of what it reads from `self.parameters`.
    - `idempotency`: how POSTs treat an Idempotency-Key, for all actions or by action.
    - `needs_provider`: False only for what a caller does as such (log-in, their own account).
    - `body_max_bytes` (for all actions or by action), `gzip_max_bytes`: bounds of the body, and of
      an inflated one if taken.
    """

    permissions: ClassVar[dict[str, str]] = {}
    input_serializers: ClassVar[dict[str, type[BaseSerializer]]] = {}
    output_serializers: ClassVar[dict[str, Any]] = {}
    statuses: ClassVar[dict[str, int | tuple[int, ...]]] = {}
    errors: ClassVar[dict[str, tuple[type[DomainError], ...]]] = {}
    files: ClassVar[dict[str, tuple[str, ...]]] = {}
    conditional: ClassVar[tuple[str, ...]] = ()
    query_parameters: ClassVar[dict[str, dict[str, dict[str, Any]]]] = {}
    idempotency: ClassVar[IdempotencyMode | dict[str, IdempotencyMode]] = "accepted"
    needs_provider: ClassVar[bool] = True
    body_max_bytes: ClassVar[int | dict[str, int] | None] = None
    gzip_max_bytes: ClassVar[int | None] = None

    permission_classes = (OperationPermission,)
    content_negotiation_class = OnlyOne
    metadata_class = None

    action: str | None
    parameters: dict[str, str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__module__.startswith("voltop.api."):
            forbid_overrides(cls, FINAL)

    # --- The order of things ---------------------------------------------------------------------
    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        return StrictRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.args, self.kwargs = args, kwargs
        self.ignored: list[str] = []
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        response: Any
        try:
            handler = getattr(self, (request.method or "").lower(), None)
            self.initial(self.request, *args, **kwargs)
            if handler is None or self.action is None:
                raise errors.MethodNotAllowed(allowed=sorted(self.allowed_methods))
            response = self._perform(handler)
        except Exception as error:
            response = self.handle_exception(error)
        self.response = self.finalize_response(self.request, response, *args, **kwargs)
        return self.response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.format_kwarg = None
        request.accepted_renderer = self.get_renderers()[0]
        request.accepted_media_type = request.accepted_renderer.media_type
        caller = self._counted(request)
        if request.method == "OPTIONS" or self.action is None:
            self.action = None
            return
        needed = permission_of(self)
        if caller is None and needed != ANYONE:
            raise NotAuthenticated()
        if caller is not None and self.needs_provider:
            caller.activate(request._request)
        self.check_permissions(request)
        self.parameters = read_query(request._request)
        if not self.is_list():
            refuse_unknown(self.parameters, set(self.query_parameters.get(self.action, {})))
        if request.method in TAKE_A_BODY and self.action not in self.input_serializers:
            self._read(Serializer)

    def _counted(self, request: Request) -> Principal | None:
        """Who calls, once this call is counted: as whom it says it is, else as its address.

        Raises Throttled (429), and 401 for bad credentials.
        """
        address = ("address", client_address(request._request))
        try:
            caller = cast(Principal | None, request.user)
        except Exception:
            self._count([address])
            raise
        self._count([address] if caller is None else caller.counted_as())
        return caller

    def _count(self, counted_as: Sequence[tuple[str, Any]]) -> None:
        taken = rates.take(counted_as)
        self.headers.update(taken.headers)
        if taken.wait_s:
            raise errors.Throttled(retry_after_s=taken.wait_s)

    def is_list(self) -> bool:
        """Whether the filter backend will judge the query parameters."""
        return False

    def _perform(self, handler: Callable[..., Response]) -> HttpResponseBase:
        request = self.request._request

        def run() -> Response:
            return self._with_warnings(handler(self.request, *self.args, **self.kwargs))

        if request.method == "POST":
            key = idempotency.read_key(request, self.idempotency_mode())
            if key is not None:
                return idempotency.perform(self, key, run)
        elif "HTTP_IF_MATCH" in request.META:
            with transaction.atomic():
                return run()
        return run()

    def idempotency_mode(self) -> IdempotencyMode:
        if isinstance(self.idempotency, dict):
            return self.idempotency.get(self.action or "", "accepted")
        return self.idempotency

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        patch_cache_control(response, no_store=True)
        return response

    # --- For the actions -------------------------------------------------------------------------
    @property
    def principal(self) -> Principal:
        """Who calls; only where credentials are needed."""
        return cast(Principal, self.request.user)

    @property
    def actor(self) -> Actor:
        """Who acts, as services want it."""
        return self.principal.actor()

    def read_input(self) -> dict[str, Any]:
        """The validated body of this action, as its input serializer understands it."""
        return self._read(self.input_serializers.get(self.action or "", Serializer))

    def _read(self, serializer_class: type[BaseSerializer]) -> dict[str, Any]:
        left_away = takes_nothing(serializer_class) and not self.read_body().strip()
        data: Any = {} if left_away else self.request.data
        serializer = serializer_class(data=data, context=self.serializer_context())
        serializer.is_valid(raise_exception=True)
        values: dict[str, Any] = serializer.validated_data
        return values

    def body_bound(self) -> int | None:
        """The bytes that this action's body may have; None is the bound of all bodies."""
        if isinstance(self.body_max_bytes, dict):
            return self.body_max_bytes.get(self.action or "")
        return self.body_max_bytes

    def read_body(self) -> bytes:
        """The bytes of the body, within the view's bounds, inflated where it takes gzip."""
        return read_body(
            self.request._request,
            max_bytes=self.body_bound(),
            gzip_max_bytes=self.gzip_max_bytes,
        )

    def serializer_context(self) -> dict[str, Any]:
        prefer = self.request.headers.get("Prefer", "")
        lenient = LENIENT.search(prefer) is not None
        if lenient:
            self.headers["Preference-Applied"] = "handling=lenient"
        return {
            "request": self.request,
            "view": self,
            "lenient": lenient,
            "ignored": self.ignored,
        }

    def _with_warnings(self, response: Response) -> Response:
        """Tell a lenient caller, beside the answer, which fields were ignored."""
        if self.ignored and isinstance(response.data, dict):
            text = str(errors.UnknownField.message)
            response.data = {
                **response.data,
                "warnings": [
                    {"field": place, "code": errors.UnknownField.code, "detail": text}
                    for place in self.ignored[:MAX_WARNINGS]
                ],
            }
        return response

    def expected_version(self) -> int | None:
        """The row_version that If-Match names; None without the header. Raises IfMatchInvalid."""
        given = self.request.headers.get("If-Match")
        if given is None or given.strip() == "*":
            return None
        match = ETAG.fullmatch(given.strip())
        if match is None:
            raise errors.IfMatchInvalid()
        return int(match.group(1))

    def require_version(self, row: Any) -> None:
        """Raise StaleVersion (412) where If-Match names another version than the row's."""
        expected = self.expected_version()
        if expected is not None and expected != row.row_version:
            raise StaleVersion(current=row.row_version)


class OperationView(StrictView):
    """A route that is no resource: handlers named by method, `permissions` by method too."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        methods = {name for name in cls.http_method_names if hasattr(cls, name)} - {"options"}
        require_complete(cls, methods)
        return super().as_view(**initkwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        method = "get" if request.method == "HEAD" else (request.method or "").lower()
        self.action = method if method in self.permissions else None
        super().initial(request, *args, **kwargs)


class OpenView(OperationView):
    """Routes that hand out tokens: no credentials are read, also none that have expired."""

    authentication_classes = ()
    needs_provider = False
    idempotency = "refused"
    permissions = {"post": ANYONE}


def takes_nothing(serializer_class: type[BaseSerializer]) -> bool:
    """Whether a request may leave the body away: no field of it has to be there."""
    fields = getattr(serializer_class(), "fields", {})
    return not any(field.required for field in fields.values() if not field.read_only)


def forbid_overrides(cls: type, names: Sequence[str]) -> None:
    """Refuse, at import, a subclass that goes round the base's protection."""
    for name in names:
        if name in cls.__dict__:
            raise ImproperlyConfigured(f"{cls.__module__}.{cls.__name__} may not define {name}")
