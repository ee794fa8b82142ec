"""Charging in the admin: stations are edited, bookings made and moved, sessions read."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from fleets.admin.base import (
    EventInline,
    ProviderAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    ServiceForm,
    admin_actor,
    service_action,
    status_badge,
    while_empty,
)
from fleets.admin.refs import RefInline
from reservations import services
from reservations.models import (
    RESERVATION_MACHINE,
    ChargingSession,
    ChargingStation,
    Connector,
    Evse,
    EvseStatus,
    Reservation,
    ReservationEvent,
)
from voltop.context import Actor


class EvseInline(ReadOnlyInline):
    model = Evse
    fields = ("uid", "physical_reference", "status")
    show_change_link = True
    verbose_name_plural = _("charge points")


class ConnectorInline(ReadOnlyInline):
    model = Connector
    fields = ("connector_id", "standard", "format", "power_type", "max_power_kw")


class ReservationEventInline(EventInline):
    model = ReservationEvent


def _retire(station: ChargingStation, actor: Actor, reason: str) -> ChargingStation:
    return services.retire_station(station, actor=actor, reason=reason)


@admin.register(ChargingStation)
class ChargingStationAdmin(ProviderAdmin):
    list_display = ("name", "depot", "address", "bookable", "hold_channel", "retired_at")
    list_filter = ("bookable", "depot", "hold_channel")
    list_select_related = ("depot",)
    search_fields = ("name", "address")
    inlines = (EvseInline, RefInline)
    fields = (
        ("name", "depot"),
        ("address", "country"),
        ("latitude", "longitude"),
        "time_zone",
        "opening_hours",
        ("bookable", "hold_channel"),
        ("reservation_grid_min", "reservation_max_min"),
        ("reservation_days_ahead", "buffer_min"),
    )
    actions = (
        service_action(
            _("Retire"),
            "reservations.change_chargingstation",
            _retire,
            when=while_empty("retired_at"),
        ),
    )

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> ChargingStation:
        return services.create_station(
            self.own_provider(request), actor=admin_actor(request), **values
        )

    def service_update(
        self, request: HttpRequest, obj: Any, values: Mapping[str, Any]
    ) -> ChargingStation:
        return services.update_station(obj, actor=admin_actor(request), **values)


def _to_status(status: EvseStatus) -> Any:
    def set_to(evse: Evse, actor: Actor, reason: str) -> Evse:
        return services.set_evse_status(evse, actor=actor, status=status)

    set_to.__name__ = f"set_{status.value.lower()}"
    return service_action(
        _("Set to: %(status)s") % {"status": status.label},
        "reservations.change_evse",
        set_to,
        when=lambda evse, actor: evse.status != status,
    )


@admin.register(Evse)
class EvseAdmin(ProviderAdmin):
    list_display = ("uid", "physical_reference", "station", "badge")
    list_filter = ("status", "station")
    list_select_related = ("station",)
    search_fields = ("uid", "physical_reference", "station__name")
    badge = status_badge(
        AVAILABLE="success", CHARGING="info", OUTOFORDER="danger", INOPERATIVE="danger"
    )
    inlines = (ConnectorInline,)
    fields = ("station", "uid", "physical_reference", "status")
    actions = (_to_status(EvseStatus.AVAILABLE), _to_status(EvseStatus.OUTOFORDER))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj is not None else ("status",)

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> Evse:
        return services.add_evse(actor=admin_actor(request), **values)


@admin.register(Connector)
class ConnectorAdmin(ProviderAdmin):
    list_display = ("evse", "connector_id", "standard", "power_type", "max_power_kw")
    list_filter = ("standard", "power_type")
    list_select_related = ("evse",)
    search_fields = ("evse__uid", "evse__station__name")
    fields = ("evse", "connector_id", "standard", "format", "power_type", "max_power_kw")

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> Connector:
        return services.add_connector(actor=admin_actor(request), **values)


def _cancel(reservation: Reservation, actor: Actor, reason: str) -> Reservation:
    return services.cancel(reservation, actor=actor, reason=reason)


def _check_in(reservation: Reservation, actor: Actor, reason: str) -> Reservation:
    return services.check_in(reservation, actor=actor)


def _confirm(reservation: Reservation, actor: Actor, reason: str) -> Reservation:
    return services.confirm(reservation, actor=actor)


class ByStation(forms.models.ModelChoiceIterator):
    """Connectors in groups, one for each station; they come in their order."""

    def __iter__(self) -> Iterator[Any]:
        if self.field.empty_label is not None:
            yield ("", self.field.empty_label)
        for station, plugs in groupby(self.queryset, key=lambda plug: plug.evse.station):
            yield (str(station), [self.choice(plug) for plug in plugs])


class BookingForm(ServiceForm):
    """A plug stands at the station that is booked."""

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        station, plug = values.get("station"), values.get("connector")
        if station is not None and plug is not None and plug.evse.station_id != station.pk:
            self.add_error("connector", _("This connector is at another station."))
        return values


@admin.register(Reservation)
class ReservationAdmin(ProviderAdmin):
    form = BookingForm
    list_display = ("vehicle", "driver", "station", "evse", "starts_at", "ends_at", "badge", "kind")
    list_filter = ("status", "kind", "station")
    list_select_related = ("vehicle", "driver", "station", "evse")
    search_fields = (
        "vehicle__label",
        "vehicle__plate",
        "driver__given_name",
        "driver__family_name",
        "station__name",
    )
    date_hierarchy = "starts_at"
    ordering = ("-starts_at",)
    badge = status_badge(
        reserved="info", pending="warning", fulfilled="success", no_show="danger", failed="danger"
    )
    inlines = (ReservationEventInline,)
    autocomplete_fields = ("vehicle", "driver")
    fields = (
        ("station", "connector"),
        ("vehicle", "driver"),
        "starts_at",
        "ends_at",
        ("target_soc_pct", "status"),
    )
    actions = (
        service_action(
            _("Check in"),
            "reservations.change_reservation",
            _check_in,
            when=RESERVATION_MACHINE.opens("fulfilled"),
        ),
        service_action(
            _("Confirm"),
            "reservations.change_reservation",
            _confirm,
            when=RESERVATION_MACHINE.opens("reserved"),
        ),
        service_action(
            _("Cancel"),
            "reservations.change_reservation",
            _cancel,
            when=RESERVATION_MACHINE.opens("canceled"),
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("status",)
        return ("station", "connector", "vehicle", "driver", "target_soc_pct", "status")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Connectors stand below their station, in its order; retired stations take no bookings."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is None:
            return field
        if db_field.name == "station":
            field.queryset = field.queryset.filter(retired_at__isnull=True).order_by("name")
        if db_field.name == "connector":
            rows = field.queryset.filter(evse__station__retired_at__isnull=True)
            order = ("evse__station__name", "evse__physical_reference", "connector_id")
            field.queryset = rows.select_related("evse__station").order_by(*order)
            field.iterator = ByStation
            field.required, field.empty_label = False, _("any that fits here")
            field.label_from_instance = lambda one: f"{one} ({one.get_standard_display()})"
        return field

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> Reservation:
        return services.book(actor=admin_actor(request), **values)

    def service_update(
        self, request: HttpRequest, obj: Any, values: Mapping[str, Any]
    ) -> Reservation:
        return services.change_period(obj, actor=admin_actor(request), **values)


@admin.register(ReservationEvent)
class ReservationEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "reservation", "from_state", "to_state", "actor", "reason")
    list_filter = ("to_state",)
    list_select_related = ("reservation__vehicle",)


@admin.register(ChargingSession)
class ChargingSessionAdmin(ReadOnlyAdmin):
    list_display = ("station", "evse", "vehicle", "starts_at", "ends_at", "energy_wh", "source")
    list_filter = ("station", "source")
    list_select_related = ("station", "evse", "vehicle")
    search_fields = ("external_id", "vehicle__label", "vehicle__plate")
    date_hierarchy = "starts_at"
    ordering = ("-starts_at",)
