"""Telemetry in the admin: sources and trackers are managed, everything that came in is only read.

Samples have no page of their own (their key is composite, their number in the millions): the
latest stand on the vehicle's page (`telemetry.panels`).
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from fleets.admin.base import (
    ProviderAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    When,
    admin_actor,
    service_action,
    while_empty,
)
from telemetry import selectors, services
from telemetry.models import (
    Bucket,
    DeviceFitting,
    HiredRun,
    IngestBatch,
    QuarantinedSample,
    SampleContribution,
    TelemetryImport,
    TelemetrySource,
    TrackerDevice,
    Trip,
)
from voltop.context import Actor

CHANGE_SOURCE = "telemetry.change_telemetrysource"


def _is_off(source: TelemetrySource, actor: Actor) -> bool:
    return source.disabled_at is not None


def _switch(description: Any, service: Callable[..., Any], *, when: When) -> Any:
    def call(source: TelemetrySource, actor: Actor, reason: str) -> Any:
        return service(source, actor=actor, reason=reason)

    call.__name__ = service.__name__
    return service_action(description, CHANGE_SOURCE, call, when=when)


@admin.action(description=_("Make a new token (the present one works for 24 hours)"))
def make_new_token(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[TelemetrySource]
) -> None:
    """Show each chosen source's new token, this once."""
    if not request.user.has_perm(CHANGE_SOURCE):
        messages.error(request, _("Your role does not allow this."))
        return
    for source in queryset:
        _made, token = services.rotate_token(source, actor=admin_actor(request))
        show_token(request, source, token)


def show_token(request: HttpRequest, source: TelemetrySource, token: str) -> None:
    """The one time that a token is seen."""
    text = _("Token of %(source)s, shown only now: %(token)s") % {"source": source, "token": token}
    messages.warning(request, text)


@admin.register(TelemetrySource)
class TelemetrySourceAdmin(ProviderAdmin):
    list_display = (
        "name",
        "kind",
        "priority",
        "accepted_count",
        "duplicate_count",
        "rejected_count",
        "last_received_at",
        "disabled_at",
    )
    list_filter = ("kind", ("disabled_at", admin.EmptyFieldListFilter))
    search_fields = ("name",)
    fields = (
        "name",
        ("kind", "priority"),
        ("accepted_count", "duplicate_count"),
        ("rejected_count", "last_errors"),
        ("last_received_at", "disabled_at"),
        ("token_rotated_at", "previous_token_until"),
    )
    counted = (
        *("accepted_count", "duplicate_count", "rejected_count", "last_received_at"),
        *("last_errors", "token_rotated_at", "previous_token_until", "disabled_at"),
    )
    actions = (
        make_new_token,
        _switch(_("Switch off"), services.disable_source, when=while_empty("disabled_at")),
        _switch(_("Switch on"), services.enable_source, when=_is_off),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.with_shown(self.counted if obj is None else ("kind", *self.counted))

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> TelemetrySource:
        provider, actor = self.own_provider(request), admin_actor(request)
        source, token = services.create_source(provider, actor=actor, **values)
        show_token(request, source, token)
        return source

    def service_update(
        self, request: HttpRequest, obj: Any, values: Mapping[str, Any]
    ) -> TelemetrySource:
        return services.update_source(obj, actor=admin_actor(request), **values)


class FittingInline(ReadOnlyInline):
    model = DeviceFitting
    fields = ("vehicle", "starts_at", "ends_at")
    ordering = ("-starts_at",)


@admin.register(TrackerDevice)
class TrackerDeviceAdmin(ReadOnlyAdmin):
    list_display = ("external_id", "source", "vehicle")
    list_filter = ("source",)
    list_select_related = ("source",)
    search_fields = ("external_id",)
    inlines = (FittingInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrackerDevice]:
        return selectors.with_present_vehicle(super().get_queryset(request))

    @admin.display(description=_("vehicle now"))
    def vehicle(self, device: Any) -> Any:
        return device.vehicle_label or "–"


@admin.register(DeviceFitting)
class DeviceFittingAdmin(ReadOnlyAdmin):
    """Trackers are fitted and taken out over the API; here is who was where."""

    list_display = ("device", "vehicle", "starts_at", "ends_at")
    list_filter = ("device__source", ("ends_at", admin.EmptyFieldListFilter))
    list_select_related = ("device", "vehicle")
    search_fields = ("device__external_id", "vehicle__label", "vehicle__plate")


@admin.register(QuarantinedSample)
class QuarantinedSampleAdmin(ReadOnlyAdmin):
    list_display = ("external_id", "source", "recorded_at", "received_at")
    list_filter = ("source",)
    list_select_related = ("source",)
    search_fields = ("external_id",)
    exclude = ("digest",)


@admin.register(TelemetryImport)
class TelemetryImportAdmin(ReadOnlyAdmin):
    list_display = (
        "file_name",
        "source",
        "mapping",
        "rows_done",
        "accepted_count",
        "duplicate_count",
        "rejected_count",
        "finished_at",
    )
    list_filter = ("source", "mapping")
    list_select_related = ("source",)
    search_fields = ("file_name",)


class _PeriodAdmin(ReadOnlyAdmin):
    list_filter = ("starts_at", "driver", "vehicle")
    list_select_related = ("vehicle", "driver")
    search_fields = (
        *("vehicle__label", "vehicle__plate", "driver__given_name", "driver__family_name"),
    )
    date_hierarchy = "starts_at"
    ordering = ("-starts_at", "-id")


@admin.register(Trip)
class TripAdmin(_PeriodAdmin):
    list_display = ("starts_at", "ends_at", "vehicle", "driver", "km", "gap_km", "used_wh")


@admin.register(HiredRun)
class HiredRunAdmin(_PeriodAdmin):
    list_display = (
        *("starts_at", "ends_at", "vehicle", "driver", "km", "gap_km"),
        *("fixes", "running_at_start"),
    )
    list_filter = ("running_at_start", "starts_at", "driver", "vehicle")  # type: ignore[assignment]


@admin.register(Bucket)
class BucketAdmin(ReadOnlyAdmin):
    """For the platform: quarters carry no provider."""

    list_display = (
        *("vehicle_id", "starts_at", "km", "gap_km", "occupied_km", "driving_s", "idle_s"),
        *("offline_s", "samples", "jumps"),
    )
    search_fields = ("=vehicle_id",)
    date_hierarchy = "starts_at"


@admin.register(IngestBatch)
class IngestBatchAdmin(ReadOnlyAdmin):
    """For the platform: batches whose derived data is still to be made."""

    list_display = ("id", "source", "received_at", "accepted_count", "rejected_count")
    list_select_related = ("source",)


@admin.register(SampleContribution)
class SampleContributionAdmin(ReadOnlyAdmin):
    """For the platform: instants that several differing samples met."""

    list_display = ("vehicle_id", "recorded_at", "source_id", "received_at")
    search_fields = ("=vehicle_id",)
    exclude = ("digest",)
