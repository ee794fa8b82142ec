"""Vehicles' part of the first page."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from vehicles.models import Activity, Vehicle, VehicleState, VehicleStatus
from voltop import clock
from voltop.home import Figure, Task

LIST = "/admin/vehicles/vehicle/"
STATES = "/admin/vehicles/vehiclestate/"
RECENT = timedelta(minutes=30)


def tasks(provider_id: int | None) -> list[Task]:
    """Cars that are not earning and wait for somebody."""
    vehicles = Vehicle.objects.seen_from(provider_id)
    return [
        Task(
            _("Vehicles out of service"),
            vehicles.filter(status=VehicleStatus.OUT_OF_SERVICE).count(),
            f"{LIST}?status__exact=out_of_service",
            "vehicles.change_vehicle",
            icon="car_crash",
        ),
        Task(
            _("Vehicles in maintenance"),
            vehicles.filter(status=VehicleStatus.MAINTENANCE).count(),
            f"{LIST}?status__exact=maintenance",
            "vehicles.change_vehicle",
            urgency="later",
            icon="build",
        ),
    ]


def figures(provider_id: int | None) -> list[Figure]:
    """How many cars drive and charge, of those heard of within half an hour."""
    states = VehicleState.objects.seen_from(provider_id)
    heard = states.filter(last_seen_at__gte=clock.now() - RECENT)
    in_service = Vehicle.objects.seen_from(provider_id).filter(status=VehicleStatus.IN_SERVICE)
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
