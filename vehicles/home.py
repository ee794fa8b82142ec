"""Vehicles' part of the first page and of the inbox."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from vehicles.models import Activity, Vehicle, VehicleState, VehicleStatus
from vehicles.selectors import live
from voltop import clock
from voltop.home import Figure, Work

LIST = "/admin/vehicles/vehicle/"
STATES = "/admin/vehicles/vehiclestate/"
RECENT = timedelta(minutes=30)


def work() -> list[Work]:
    """Cars that are not earning and wait for somebody, and cars that have fallen silent."""
    return [
        Work(
            "vehicles.silent",
            _("Vehicles not heard of"),
            _silent,
            "/admin/vehicles/vehicle/map/",
            "vehicles.change_vehicle",
            icon="signal_disconnected",
            done_by_hand=True,
        ),
        Work(
            "vehicles.out_of_service",
            _("Vehicles out of service"),
            partial(_vehicles, status=VehicleStatus.OUT_OF_SERVICE),
            f"{LIST}?status__exact=out_of_service",
            "vehicles.change_vehicle",
            icon="car_crash",
            done_by_hand=True,
        ),
        Work(
            "vehicles.maintenance",
            _("Vehicles in maintenance"),
            partial(_vehicles, status=VehicleStatus.MAINTENANCE),
            f"{LIST}?status__exact=maintenance",
            "vehicles.change_vehicle",
            urgency="later",
            icon="build",
            done_by_hand=True,
        ),
    ]


def _vehicles(provider_id: int | None, *, status: str) -> QuerySet[Any]:
    return Vehicle.objects.seen_from(provider_id).filter(status=status)


def _silent(provider_id: int | None) -> QuerySet[Any]:
    """Cars in service that sent samples once and none for longer than the company's rule allows."""
    states = VehicleState.objects.seen_from(provider_id).filter(last_seen_at__isnull=False)
    known: Any = live(states, clock.now())  # annotated with is_offline
    silent = known.filter(is_offline=True).values("pk")
    return _vehicles(provider_id, status=VehicleStatus.IN_SERVICE).filter(pk__in=silent)


def figures(provider_id: int | None) -> list[Figure]:
    """How many cars drive and charge, of those heard of within half an hour."""
    states = VehicleState.objects.counted_for(provider_id)
    heard = states.filter(last_seen_at__gte=clock.now() - RECENT)
    in_service = Vehicle.objects.counted_for(provider_id).filter(status=VehicleStatus.IN_SERVICE)
    driving = heard.filter(activity=Activity.DRIVING).count()
    charging = heard.filter(activity=Activity.CHARGING).count()
    return [
        Figure(
            _("Vehicles driving"),
            f"{driving} / {in_service.count()}",
            "/admin/vehicles/vehicle/map/",
            "vehicles.view_vehiclestate",
            icon="directions_car",
        ),
        Figure(
            _("Vehicles charging"),
            str(charging),
            f"{STATES}?activity__exact=charging",
            "vehicles.view_vehiclestate",
            icon="ev_station",
        ),
    ]
