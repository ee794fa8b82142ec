"""The one place where anything raised becomes an answer: RFC 9457 problem documents.

`exception_handler` serves the API's views, the `handler…` views everything below /api/ that never
reaches one. Not here: database errors, which `voltop.api.database_errors` translates first.
"""

import logging
import sys
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core import exceptions as django_errors
from django.core import signals
from django.db import Error as DatabaseError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from drf_standardized_errors.formatter import flatten_errors
from psycopg_pool import PoolTimeout
from rest_framework import exceptions as drf_errors
from rest_framework.response import Response

from voltop.api import errors
from voltop.api.database_errors import held_by, translate_database_error
from voltop.api.renderers import render_json
from voltop.context import current_request_id
from voltop.errors import (
    DomainError,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    all_error_classes,
)
from voltop.refusals import missing, refused, unavailable

logger = logging.getLogger("voltop.api")

PROBLEM_TYPE = "application/problem+json"
API_PREFIX = "/api/"

# DRF's and Django's own validation codes, in our words.
VALIDATION_CODES: Mapping[str, type[DomainError]] = {
    "max_length": errors.TooLong,
    "min_length": errors.TooShort,
    "max_value": errors.OutOfRange,
    "min_value": errors.OutOfRange,
    "not_a_list": errors.ListExpected,
    "does_not_exist": errors.ObjectNotFound,
    "incorrect_type": errors.ObjectNotFound,
    "unique": errors.Conflict,
    "null_characters_not_allowed": errors.NullCharacters,
    "surrogate_characters_not_allowed": errors.Surrogates,
}


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's EXCEPTION_HANDLER: every exception becomes an answer; what is not foreseen, a 500."""
    request = context.get("request")
    if isinstance(exc, drf_errors.ValidationError):
        document = validation_problem(exc)
        error: DomainError = errors.InvalidInput()
    else:
        error = as_domain_error(exc)
        document = problem(error)
    if document["status"] >= 500:
        _report(exc, error, getattr(request, "_request", request))
    response = Response(document, status=document["status"], content_type=PROBLEM_TYPE)
    for name, value in _headers(exc, error).items():
        response[name] = value
    return response


def as_domain_error(exc: BaseException) -> DomainError:
    """The domain error that anything raised stands for; InternalError for what is not foreseen."""
    if isinstance(exc, DomainError):
        return exc
    if isinstance(exc, (ProtectedError, RestrictedError)):
        return errors.InUse(held_by=held_by(exc))
    if isinstance(exc, (DatabaseError, PoolTimeout)):
        return translate_database_error(exc)
    for kinds, error_class in _FOREIGN:
        if isinstance(exc, kinds):
            return error_class()
    if isinstance(exc, drf_errors.Throttled):
        return errors.Throttled(retry_after_s=int(getattr(exc, "wait", None) or 1))
    return errors.InternalError()


_FOREIGN: tuple[tuple[Any, type[DomainError]], ...] = (
    ((Http404, drf_errors.NotFound, django_errors.ObjectDoesNotExist), NotFound),
    ((django_errors.PermissionDenied, drf_errors.PermissionDenied), PermissionDenied),
    ((drf_errors.NotAuthenticated, drf_errors.AuthenticationFailed), NotAuthenticated),
    (drf_errors.MethodNotAllowed, errors.MethodNotAllowed),
    (drf_errors.UnsupportedMediaType, errors.UnsupportedMediaType),
    (django_errors.RequestDataTooBig, errors.BodyTooLarge),
    (
        (
            drf_errors.ParseError,
            django_errors.SuspiciousOperation,
            django_errors.BadRequest,
            UnreadablePostError,
        ),
        errors.BadRequest,
    ),
)


def problem(error: DomainError) -> dict[str, Any]:
    """The problem document of one domain error."""
    items = [_item(error.field, error.code, str(error.detail))] if error.field else []
    return _document(type(error), error.status, str(error.detail), items, error.extra)


def validation_problem(exc: drf_errors.ValidationError) -> dict[str, Any]:
    """The problem document of a refused input: one error gives its own code, several a common one.

    The common one is the errors' code where all share it, else `invalid_input`.
    """
    items = []
    known = all_error_classes()
    for flat in flatten_errors(exc.detail):
        field = flat.attr or ""
        field = field.removesuffix("non_field_errors").removesuffix(".")
        error_class = VALIDATION_CODES.get(flat.code) or known.get(flat.code)
        code = error_class.code if error_class else errors.InvalidValue.code
        items.append(_item(field, code, flat.detail))
    codes = {item["code"] for item in items}
    top = known[codes.pop()] if len(codes) == 1 else errors.InvalidInput
    detail = items[0]["detail"] if len(items) == 1 else str(top.message)
    if len(items) == 1 and not items[0]["field"]:
        items = []  # nothing more to say than the document itself does
    return _document(top, 400, detail, items, {})


def _item(field: str, code: str, detail: str) -> dict[str, str]:
    return {"field": field, "code": code, "detail": detail}


def _document(
    error_class: type[DomainError],
    status: int,
    detail: str,
    items: list[dict[str, str]],
    extra: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "type": f"{settings.PUBLIC_URL}/api/v1/errors/{error_class.code}",
        "title": str(error_class.message),
        "status": status,
        "code": error_class.code,
        "detail": detail,
        "errors": items,
        "extra": dict(extra),
        "request_id": current_request_id(),
    }


def _headers(exc: Exception, error: DomainError) -> dict[str, str]:
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    elif error.status in (429, 503):
        headers["Retry-After"] = "2"
    if error.status == 401:
        headers["WWW-Authenticate"] = getattr(exc, "auth_header", "") or 'Bearer realm="voltop"'
    return headers


def _report(exc: BaseException, error: DomainError, request: HttpRequest | None) -> None:
    """Log what broke: a 500 with its traceback, a 503 in one line. No body and no values."""
    if error.status == 500:
        path = getattr(request, "path", "")
        logger.error("unexpected error at %s", path, exc_info=exc)
        signals.got_request_exception.send(sender=None, request=request)
    else:
        logger.warning("%s: %s", error.code, type(exc).__name__)


# --- Views for what never reaches a view of ours -------------------------------------------------
def problem_response(error: DomainError) -> HttpResponse:
    """A problem document as a plain Django response."""
    document = problem(error)
    response = HttpResponse(render_json(document), status=error.status, content_type=PROBLEM_TYPE)
    for name, value in _headers(error, error).items():
        response[name] = value
    return response


def is_api_path(path: str) -> bool:
    """Whether an address is the API's: then every answer of 400 and above is a problem document."""
    return path.startswith(API_PREFIX) or path == API_PREFIX.rstrip("/")


def problem_instead_of(response: HttpResponseBase) -> HttpResponseBase:
    """The response itself, or a problem document for an error that came as a page or bare text.

    For what others answer before or instead of our views: the check of forms, a refused method,
    the pages of debug mode. JSON in another shape is meant so (RFC 6749 for tokens).
    """
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
    if response.status_code < 400 or kind.endswith("json"):
        return response
    common = errors.InternalError if response.status_code >= 500 else errors.BadRequest
    error = _BY_STATUS.get(response.status_code, common)()
    replaced = problem_response(error)
    for name in ("Allow", "Retry-After", "WWW-Authenticate"):
        if name in response.headers:
            replaced[name] = response.headers[name]
    return replaced


_BY_STATUS: Mapping[int, type[DomainError]] = {
    401: NotAuthenticated,
    403: PermissionDenied,
    404: NotFound,
    405: errors.MethodNotAllowed,
    413: errors.BodyTooLarge,
    415: errors.UnsupportedMediaType,
    429: errors.Throttled,
}


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api_path(request.path_info):
        return problem_response(as_domain_error(exception))
    return refused(request, 400) or defaults.bad_request(request, exception)


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api_path(request.path_info):
        return problem_response(PermissionDenied())
    return refused(request, 403) or defaults.permission_denied(request, exception)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api_path(request.path_info):
        return problem_response(NotFound())
    return refused(request, 404) or missing(request)


def handler500(request: HttpRequest) -> HttpResponse:
    """What nobody has caught; 503 where the same may well be answered in a moment.

    Django calls this while the exception is being handled.
    """
    raised = sys.exc_info()[1]
    error = as_domain_error(raised) if raised is not None else errors.InternalError()
    if error.status != 503:
        error = errors.InternalError()
    if is_api_path(request.path_info):
        return problem_response(error)
    if error.status == 500:
        return defaults.server_error(request)
    page = unavailable(request, error)
    for name, value in _headers(error, error).items():
        page[name] = value
    return page


@csrf_exempt
def no_such_route(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """The last route below /api/: a 404 for every method, without asking for a form's token."""
    return problem_response(NotFound())
