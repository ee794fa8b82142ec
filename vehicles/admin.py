"""Vehicles in the admin: records are edited, moves are actions, what was measured is only read."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from fleets.admin.base import (
    EventInline,
    ProviderAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    admin_actor,
    service_action,
    status_badge,
)
from fleets.admin.refs import RefInline
from vehicles import live_map, services
from vehicles.models import (
    VEHICLE_MACHINE,
    Assignment,
    AssignmentKind,
    Vehicle,
    VehicleDay,
    VehicleEvent,
    VehicleModel,
    VehiclePlate,
    VehicleState,
    VehicleTenure,
)
from voltop import clock, registry
from voltop.context import Actor
from voltop.panels import PanelsMixin


class VehicleEventInline(EventInline):
    model = VehicleEvent


class PeriodInline(ReadOnlyInline):
    ordering = ("-starts_at",)


class PlateInline(PeriodInline):
    model = VehiclePlate
    fields = ("plate", "starts_at", "ends_at")


class TenureInline(PeriodInline):
    model = VehicleTenure
    fields = ("provider", "starts_at", "ends_at")


class AssignmentInline(PeriodInline):
    model = Assignment
    fields = ("driver", "kind", "starts_at", "ends_at", "cancelled_at")
    per_page = 10
    readonly_fields = ("cancelled_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Assignment]:
        return super().get_queryset(request).select_related("driver")


class StateInline(ReadOnlyInline):
    model = VehicleState
    fields = ("last_seen_at", "activity", "soc_pct", "odometer_km", "latitude", "longitude")


def _move(
    description: Any,
    service: Callable[..., Vehicle],
    to: str,
    permission: str = "change_vehicle",
) -> Any:
    def call(vehicle: Vehicle, actor: Actor, reason: str) -> Vehicle:
        return service(vehicle, actor=actor, reason=reason)

    call.__name__ = service.__name__
    when = VEHICLE_MACHINE.opens(to)
    return service_action(description, f"vehicles.{permission}", call, when=when)


@admin.register(Vehicle)
class VehicleAdmin(PanelsMixin, ProviderAdmin):
    panels_point = registry.VEHICLE_PANELS
    list_display = ("__str__", "plate", "model", "badge", "depot", "soc_pct", "last_seen_at")
    badge = status_badge(
        in_service="success", maintenance="warning", out_of_service="danger", retired="info"
    )
    list_filter = ("status", "depot", "model")
    list_select_related = ("model", "depot", "state")
    search_fields = ("label", "plate", "vin")
    ordering = ("label", "plate", "id")
    autocomplete_fields = ("model",)
    inlines = (
        StateInline,
        AssignmentInline,
        PlateInline,
        TenureInline,
        RefInline,
        VehicleEventInline,
    )
    fieldsets = ((None, {"fields": (("label", "plate"), "vin", "model", "depot")}),)
    actions = (
        _move(_("Send to maintenance"), services.send_to_maintenance, "maintenance"),
        _move(_("Take out of service"), services.take_out_of_service, "out_of_service"),
        _move(_("Return to service"), services.return_to_service, "in_service"),
        _move(_("Retire"), services.retire_vehicle, "retired", "retire_vehicle"),
    )

    def get_urls(self) -> list[Any]:
        """The live map stands below the vehicles."""
        return [*live_map.urls(), *super().get_urls()]

    @admin.display(description="SoC", ordering="state__soc_pct")
    def soc_pct(self, vehicle: Vehicle) -> str:
        soc_pct = vehicle.state.soc_pct
        return "–" if soc_pct is None else f"{soc_pct:.0f} %"

    @admin.display(description="Last seen", ordering="state__last_seen_at")
    def last_seen_at(self, vehicle: Vehicle) -> Any:
        return vehicle.state.last_seen_at

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> Vehicle:
        return services.register_vehicle(
            self.own_provider(request), actor=admin_actor(request), **values
        )

    def service_update(self, request: HttpRequest, obj: Any, values: Mapping[str, Any]) -> Vehicle:
        return services.update_vehicle(obj, actor=admin_actor(request), **values)


@admin.register(VehicleModel)
class VehicleModelAdmin(ReadOnlyAdmin):
    """The catalogue comes from a file (`manage.py load_vehicle_models`)."""

    list_display = ("make", "model", "year", "usable_battery_kwh", "range_km", "dc_max_kw")
    list_filter = ("make", "year")
    search_fields = ("make", "model")
    ordering = ("make", "model", "year")


def _end(assignment: Assignment, actor: Actor, reason: str) -> Assignment:
    return services.end_assignment(assignment, actor=actor)


def _cancel(assignment: Assignment, actor: Actor, reason: str) -> Assignment:
    return services.cancel_assignment(assignment, actor=actor)


def _runs(assignment: Assignment, actor: Actor) -> bool:
    open_end = assignment.ends_at is None or assignment.ends_at > clock.now()
    return assignment.cancelled_at is None and open_end and not _is_to_come(assignment, actor)


def _is_to_come(assignment: Assignment, actor: Actor) -> bool:
    return assignment.cancelled_at is None and assignment.starts_at > clock.now()


@admin.register(Assignment)
class AssignmentAdmin(ProviderAdmin):
    list_display = ("vehicle", "driver", "kind", "starts_at", "ends_at", "cancelled_at")
    list_filter = (
        "kind",
        ("ends_at", admin.EmptyFieldListFilter),
        ("cancelled_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("vehicle", "driver")
    search_fields = (
        "vehicle__label",
        "vehicle__plate",
        "driver__given_name",
        "driver__family_name",
    )
    ordering = ("-starts_at",)
    autocomplete_fields = ("vehicle", "driver")
    fields = ("vehicle", "driver", "kind", "starts_at", "ends_at")
    actions = (
        service_action(_("End now"), "vehicles.change_assignment", _end, when=_runs),
        service_action(_("Call off"), "vehicles.change_assignment", _cancel, when=_is_to_come),
    )

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Shift assignments are made by shifts."""
        if db_field.name == "kind":
            kwargs["choices"] = [
                choice for choice in AssignmentKind.choices if choice[0] != AssignmentKind.SHIFT
            ]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> Assignment:
        return services.assign(actor=admin_actor(request), **values)


@admin.register(VehicleTenure)
class VehicleTenureAdmin(ReadOnlyAdmin):
    list_display = ("vehicle", "provider", "starts_at", "ends_at")
    list_filter = (("ends_at", admin.EmptyFieldListFilter),)
    list_select_related = ("vehicle", "provider")
    search_fields = ("vehicle__label", "vehicle__plate", "vehicle__vin")


@admin.register(VehiclePlate)
class VehiclePlateAdmin(ReadOnlyAdmin):
    list_display = ("plate", "vehicle", "starts_at", "ends_at")
    list_select_related = ("vehicle",)
    search_fields = ("plate", "vehicle__label")


@admin.register(VehicleState)
class VehicleStateAdmin(ReadOnlyAdmin):
    list_display = ("vehicle", "activity", "last_seen_at", "soc_pct", "range_km", "odometer_km")
    list_filter = ("activity", "charging", "occupied")
    list_select_related = ("vehicle",)
    search_fields = ("vehicle__label", "vehicle__plate")
    ordering = ("vehicle_id",)


@admin.register(VehicleDay)
class VehicleDayAdmin(ReadOnlyAdmin):
    list_display = (
        "on",
        "vehicle",
        "km",
        "paid_km",
        "wh_per_km",
        "utilisation_pct",
        "coverage_pct",
    )
    date_hierarchy = "on"
    list_select_related = ("vehicle",)
    search_fields = ("vehicle__label", "vehicle__plate")
    ordering = ("-on", "vehicle_id")


@admin.register(VehicleEvent)
class VehicleEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "vehicle", "from_state", "to_state", "actor", "reason")
    list_filter = ("to_state",)
    list_select_related = ("vehicle",)
    search_fields = ("vehicle__label", "vehicle__plate", "reason")
