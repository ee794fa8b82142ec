"""The live map in the admin: a page, and what it asks for every few seconds.

Shows the active provider's vehicles (platform staff see all). The ground is whatever GeoJSON
`settings.MAP_GROUND_URL` names; without one it is plain, since no tiles are fetched from elsewhere.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from drivers.models import Driver
from fleets.admin.base import scoped
from vehicles import selectors
from vehicles.models import VehicleState
from voltop import clock
from voltop.navigation import zone_in_words

PERMISSION = "vehicles.view_vehiclestate"


def urls() -> list[URLPattern]:
    """The map's addresses, below those of the vehicles in the admin."""
    view = admin.site.admin_view
    return [
        path("map/", view(page), name="vehicles_map"),
        path("map/data.json", view(data), name="vehicles_map_data"),
    ]


def page(request: HttpRequest) -> HttpResponse:
    """The map itself."""
    _require(request)
    context = {
        **admin.site.each_context(request),
        "title": "Live map",
        "data_url": reverse("admin:vehicles_map_data"),
        "ground_url": settings.MAP_GROUND_URL,
        "zone": timezone.get_current_timezone_name(),
        "clock": zone_in_words(),
    }
    return TemplateResponse(request, "vehicles/map.html", context)


def data(request: HttpRequest) -> JsonResponse:
    """Every vehicle with a known position, and who has it, for those who may see drivers."""
    _require(request)
    states = selectors.live(scoped(VehicleState.objects.all(), request), clock.now())
    placed: list[Any] = list(states.filter(latitude__isnull=False))
    names: dict[int, str] = {}
    if request.user.has_perm("drivers.view_driver"):
        holders = {state.driver_id for state in placed} - {None}
        drivers = scoped(Driver.objects.filter(pk__in=holders), request)
        names = {driver.pk: driver.name for driver in drivers}
    return JsonResponse({"vehicles": [_shown(state, names) for state in placed]})


def _require(request: HttpRequest) -> None:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied


def _shown(state: Any, names: Mapping[int, str]) -> dict[str, Any]:
    vehicle = state.vehicle
    return {
        "id": vehicle.pk,
        "label": str(vehicle),
        "at": [round(state.latitude, 6), round(state.longitude, 6)],
        "heading_deg": state.heading_deg,
        "speed_kmh": state.speed_kmh,
        "soc_pct": state.soc_pct,
        "low": state.is_low,
        "charging": state.charging or "none",
        "occupied": bool(state.occupied),
        "offline": state.is_offline,
        "status": vehicle.get_status_display(),
        "seen_at": state.last_seen_at,
        "driver": names.get(state.driver_id),
        "url": reverse("admin:vehicles_vehicle_change", args=[vehicle.pk]),
    }
