"""Viewsets of resources: rows of the active provider only, and no way round that by accident.

A subclass names its queryset, permissions and serializers; writes go to services:

    class DepotViewSet(ListRetrieveViewSet):
        queryset = Depot.objects.all()
        serializer_class = DepotSerializer
        input_serializers = {"create": DepotInput}
        permissions = {"list": "fleets.view_depot", …}

        def create(self, request: Request) -> Response:
            depot = services.create_depot(actor=self.actor, **self.read_input())
            return self.respond(depot, status=201)
"""

from typing import Any, ClassVar, cast, final

from django.db import models
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ViewSetMixin

from voltop.api import exports
from voltop.api.fields import INT8_MAX
from voltop.api.filters import FilterSet, StrictFilterBackend
from voltop.api.pagination import KeysetPagination, resolve_ordering
from voltop.api.permissions import require_complete
from voltop.api.views import StrictView, forbid_overrides
from voltop.errors import NotFound

FINAL = ("get_queryset", "get_object", "filter_queryset", "paginate_queryset", "as_view")
SAFE = ("GET", "HEAD", "OPTIONS")


class ProviderViewSet(ViewSetMixin, StrictView):  # type: ignore[misc]
    """Base of every resource: fails closed without a provider, 404 for another's rows.

    - `queryset`: unevaluated, of a model that knows `for_provider`; `select_related` and
      `prefetch_related` belong here or into `narrow_queryset`.
    - `serializer_class`: what is shown, by action in `output_serializers` where it differs.
    - `ordering`: of lists; `ordering_fields`, what `?ordering=` may name; `search_fields`;
      `filterset_class`.
    - `list_actions`: further actions that answer with a page (`@action` methods calling
      `self.list_page`).
    """

    queryset: ClassVar[models.QuerySet]
    serializer_class: ClassVar[type[BaseSerializer]]
    filterset_class: ClassVar[type[FilterSet] | None] = None
    ordering: ClassVar[tuple[str, ...]] = ("id",)
    ordering_fields: ClassVar[tuple[str, ...]] = ()
    search_fields: ClassVar[tuple[str, ...]] = ()
    list_actions: ClassVar[tuple[str, ...]] = ("list",)

    filter_backends = (StrictFilterBackend,)
    pagination_class = KeysetPagination
    lookup_field = "pk"
    lookup_url_kwarg = None
    lookup_value_regex = "[0-9]{1,19}"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__module__.startswith("voltop.api."):
            forbid_overrides(cls, FINAL)

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        """The routed view. Refuses actions without a permission and orderings that cannot page."""
        require_complete(cls, set((actions or {}).values()))
        resolve_ordering(cls.queryset.model, cls.ordering)
        resolve_ordering(cls.queryset.model, cls.ordering_fields)
        return super().as_view(actions, **initkwargs)

    def is_list(self) -> bool:
        return self.action in self.list_actions

    # --- Whose rows ------------------------------------------------------------------------------
    @final
    def get_queryset(self) -> models.QuerySet:
        """The active provider's rows, narrowed by the view; none without a provider."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.none()
        rows: Any = self.queryset.all()
        return self.narrow_queryset(rows.for_provider(self.principal.provider_id))

    def narrow_queryset(self, rows: models.QuerySet) -> models.QuerySet:
        """For views whose caller sees only some of the provider's rows; may only take away."""
        return rows

    @final
    def get_object(self) -> Any:
        """The row that the address names. Raises NotFound; StaleVersion where If-Match is stale.

        With If-Match the row is read under a lock, inside the request's transaction.
        """
        key = int(self.kwargs[self.lookup_field])
        if not 0 < key <= INT8_MAX:
            raise NotFound()
        rows = self.get_queryset()
        if self.request.method not in SAFE and "HTTP_IF_MATCH" in self.request.META:
            rows = rows.select_for_update(no_key=True, of=("self",))
            found = rows.filter(pk=key).first()
            if found is not None:
                self.require_version(found)
        else:
            found = rows.filter(pk=key).first()
        if found is None:
            raise NotFound()
        return found

    # --- What is shown ---------------------------------------------------------------------------
    def get_serializer_class(self) -> type[BaseSerializer]:
        return self.output_serializers.get(self.action, self.serializer_class)

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer:
        kwargs.setdefault("context", {"request": self.request, "view": self})
        return self.get_serializer_class()(*args, **kwargs)

    def respond(self, obj: Any, status: int = 200) -> Response:
        """The object as this action shows it, with its ETag.

        After a write the row is read again, so that the answer holds what the database holds.
        """
        if isinstance(obj, models.Model) and self.request.method not in SAFE:
            obj = self._read_again(obj)
        response = Response(self.get_serializer(obj).data, status=status)
        version = getattr(obj, "row_version", None)
        if isinstance(version, int):
            response["ETag"] = f'"{version}"'
        return response

    def _read_again(self, obj: models.Model) -> models.Model:
        if isinstance(obj, self.queryset.model):
            found = self.get_queryset().filter(pk=obj.pk).first()
            if found is not None:
                return found
        obj.refresh_from_db()
        return obj

    def list_page(self, rows: models.QuerySet) -> Response:
        """One page of rows: filtered, ordered, in the list's shape. `export`: all, as a file."""
        for backend in self.filter_backends:
            rows = backend().filter_queryset(self.request, rows, self)
        if exports.PARAMETER in self.parameters:
            return cast(Response, exports.export_list(self, rows))
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(rows, self.request, self)
        return paginator.get_paginated_response(self.get_serializer(page, many=True).data)


class ListMixin:
    """GET on the collection."""

    def list(self: Any, request: Request, **kwargs: Any) -> Response:
        return self.list_page(self.get_queryset())


class RetrieveMixin:
    """GET on one row."""

    def retrieve(self: Any, request: Request, **kwargs: Any) -> Response:
        return self.respond(self.get_object())


class ListViewSet(ListMixin, ProviderViewSet):  # type: ignore[misc]
    """Lists only."""


class ListRetrieveViewSet(ListMixin, RetrieveMixin, ProviderViewSet):  # type: ignore[misc]
    """Lists and shows; everything else is an action of the subclass that calls a service."""
