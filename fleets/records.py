"""Viewsets whose records are put by one's own key, shown with their refs, and made in bulk.

The viewset of a registered kind (`voltop.records`) is a `RecordViewSet`, its serializer carries
`refs = RefsField()`, its filters `ref = RefFilter()`. Not here: the rules (`fleets.services.refs`).
"""

from typing import Any, ClassVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import OuterRef, QuerySet
from django.db.models.functions import JSONObject
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets import services
from fleets.errors import InvalidRef
from fleets.models import ExternalRef, FleetProvider
from fleets.selectors import active_provider
from voltop.api import errors as api_errors
from voltop.api.bulk import BulkMixin, Outcome
from voltop.api.fields import StrictCharField
from voltop.api.filters import TextFilter
from voltop.api.serializers import Serializer
from voltop.api.viewsets import ListRetrieveViewSet
from voltop.errors import NotFound, PermissionDenied
from voltop.records import RecordKind, record_kinds

BY_REF = r"by-ref/(?P<system>[^/]+)/(?P<external_id>[^/]+)"


def with_refs(rows: QuerySet[Any]) -> QuerySet[Any]:
    """The rows with their refs at hand, as `external_refs`, without a query per row."""
    refs = ExternalRef.objects.filter(
        provider_id=OuterRef("provider_id"),
        object_type=rows.model._meta.label_lower,
        object_id=OuterRef("pk"),
    ).order_by("system")
    return rows.annotate(
        external_refs=ArraySubquery(refs.values(ref=JSONObject(system="system", id="external_id")))
    )


class RefSerializer(Serializer):
    """What another system calls the record."""

    system = StrictCharField(max_length=40)
    id = StrictCharField(max_length=120)

    schema_example = {"system": "erp", "id": "D-17"}


@extend_schema_field(RefSerializer(many=True))
class RefsField(serializers.Field):
    """A record's refs, system by system."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, source="*", help_text="What other systems call it.")

    def to_representation(self, record: Any) -> list[dict[str, str]]:
        refs = getattr(record, "external_refs", None)
        if refs is None:
            refs = ExternalRef.objects.filter(
                provider_id=record.provider_id,
                object_type=record._meta.label_lower,
                object_id=record.pk,
            ).order_by("system")
            return [{"system": ref.system, "id": ref.external_id} for ref in refs]
        return list(refs)


@extend_schema_field(
    {
        "type": "string",
        "maxLength": 161,
        "description": "system:id, what another system calls it.",
        "example": "erp:D-17",
    }
)
class RefFilter(TextFilter):
    """`ref=erp:D-17`: the record that a system calls so, or none."""

    def __init__(self, **extra: Any) -> None:
        super().__init__("pk", **extra)

    def parse(self, text: str) -> Any:
        system, colon, external_id = super().parse(text).partition(":")
        if not colon:
            raise api_errors.InvalidValue()
        return system, external_id

    def filter(self, rows: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if value is None:
            return rows
        system, external_id = value
        refs = ExternalRef.objects.filter(
            provider_id=OuterRef("provider_id"),
            system=system,
            external_id=external_id,
            object_type=rows.model._meta.label_lower,
            object_id=OuterRef("pk"),
        )
        return rows.filter(models.Exists(refs))


class RecordMixin(BulkMixin):
    """`…/by-ref/{system}/{id}` (GET, PUT) and `…/bulk` for a viewset of a registered kind.

    `record` names the kind. Putting needs what creating needs, and where the record is there
    already, what changing needs. A row of a bulk request may carry a `ref`: then it is put by it.
    """

    record: ClassVar[str]
    statuses: ClassVar[dict[str, Any]]
    serializer_class: ClassVar[Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "record" not in cls.__dict__:
            return
        permissions, inputs = cls.permissions, cls.input_serializers
        cls.permissions = {
            **permissions,
            "by_ref": permissions["retrieve"],
            "put_by_ref": permissions["create"],
        }
        cls.input_serializers = {**inputs, "put_by_ref": inputs["create"]}
        cls.statuses = {**cls.statuses, "put_by_ref": (200, 201)}
        known = (*cls.errors.get("create", ()), *cls.errors.get("partial_update", ()))
        cls.errors = {
            **cls.errors,
            "put_by_ref": (*dict.fromkeys(known), InvalidRef),
            "by_ref": (NotFound,),
        }

    @classmethod
    def bulk_row(cls, new: type[Serializer]) -> type[Serializer]:
        """A row is what a POST takes, and may say whose id it is known by."""
        name = new.__name__.removesuffix("Serializer")
        fields = {"ref": RefSerializer(required=False), "__doc__": new.__doc__}
        return type(f"{name}RowSerializer", (new,), {**fields, "__module__": new.__module__})

    def narrow_queryset(self: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
        return with_refs(super().narrow_queryset(rows))  # type: ignore[misc]

    @property
    def kind(self) -> RecordKind:
        return record_kinds()[self.record]

    @action(detail=False, methods=["get"], url_path=BY_REF)
    def by_ref(self: Any, request: Request, system: str, external_id: str) -> Response:
        """What another system calls so."""
        refs = ExternalRef.objects.for_provider(self.principal.provider_id).filter(
            system=system, external_id=external_id, object_type=self.kind.object_type
        )
        found = self.get_queryset().filter(pk__in=refs.values("object_id")).first()
        if found is None:
            raise NotFound()
        return self.respond(found)

    @by_ref.mapping.put
    def put_by_ref(self: Any, request: Request, system: str, external_id: str) -> Response:
        """Create it (201), or change what that system calls so (200); repeating is safe."""
        record, created = services.put_record(
            self.kind,
            self.provider_for_change(),
            actor=self.actor,
            system=system,
            external_id=external_id,
            values=self.read_input(),
            version=self.expected_version(),
        )
        return self.respond(record, status=201 if created else 200)

    def provider_for_change(self: Any) -> FleetProvider:
        """The active provider, for callers who may change what is there."""
        needed = self.kind.change_permission
        if not self.request.user.has_perm(needed):
            raise PermissionDenied(permission=needed)
        return active_provider(self.actor)

    def take_row(self: Any, values: dict[str, Any]) -> tuple[int, Outcome]:
        ref = values.pop("ref", None)
        provider = self.own_provider if ref is None else self.provider_for_change()
        return services.take_record(self.kind, provider, actor=self.actor, values=values, ref=ref)

    @property
    def own_provider(self: Any) -> FleetProvider:
        """The active provider, read once for a request."""
        if not hasattr(self, "_own_provider"):
            self._own_provider = active_provider(self.actor)
        provider: FleetProvider = self._own_provider
        return provider


class RecordViewSet(RecordMixin, ListRetrieveViewSet):  # type: ignore[misc]  # as viewsets' own
    """A resource whose records are put by one's own key and made in bulk."""
