"""What shifts shows beside a driver's conversation, and what may be done there for the driver."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from fleets.admin.shown import duration
from shifts import selectors, services
from shifts.models import Shift
from vehicles.models import Assignment, AssignmentKind, Vehicle, VehicleStatus
from voltop import clock
from voltop.api.errors import ObjectNotFound
from voltop.cards import Card, QuickAction
from voltop.context import Actor
from voltop.words import moment

PERMISSION = "shifts.view_shift"
MOST_CARS = 100


def shift_of_driver(driver: Driver, provider_id: int | None) -> Card:
    """The running shift, else the planned one that begins first."""
    shift = selectors.current_or_next_shift(driver)
    if shift is None:
        return Card(_("Shift"), [(_("shift"), _("none"))], PERMISSION, "schedule")
    lines: list[tuple[Any, Any]] = [(_("state"), shift.get_status_display())]
    if shift.starts_at is not None:
        since = clock.now() - shift.starts_at
        lines.append((_("began"), moment(shift.starts_at)))
        lines.append((_("hours"), duration(round(since.total_seconds()))))
    for words, at in (
        (_("planned from"), shift.planned_starts_at),
        (_("planned until"), shift.planned_ends_at),
    ):
        if at is not None:
            lines.append((words, moment(timezone.localtime(at))))
    return Card(
        _("Shift"), lines, PERMISSION, "schedule", f"/admin/shifts/shift/{shift.pk}/change/"
    )


def actions_of_driver(driver: Driver, provider_id: int | None) -> list[QuickAction]:
    """End the running shift, or go on in another car."""
    shift = selectors.running_shift(driver)
    if shift is None:
        return []
    return [
        QuickAction("shifts.end", _("End the shift"), "shifts.change_shift", partial(_end, shift)),
        QuickAction(
            "shifts.change_car",
            _("Change the car"),
            "shifts.change_shift",
            partial(_change_car, shift),
            choices=_free_cars(shift),
            choice_title=_("new car"),
            asks_reason=True,
        ),
    ]


def _end(shift: Shift, actor: Actor, reason: str, choice: str) -> None:
    services.end_shift(shift, actor=actor, reason=reason)


def _change_car(shift: Shift, actor: Actor, reason: str, choice: str) -> None:
    own = Vehicle.objects.for_provider(shift.provider_id)
    vehicle = own.filter(pk=int(choice)).first() if choice.isascii() and choice.isdigit() else None
    if vehicle is None:
        raise ObjectNotFound(field="vehicle")
    services.change_vehicle(shift, vehicle, actor=actor, reason=reason)


def _free_cars(shift: Shift) -> Sequence[tuple[str, str]]:
    """Cars in service that nobody has on shift now."""
    taken = Assignment.objects.for_provider(shift.provider_id).at(clock.now())
    taken = taken.filter(kind=AssignmentKind.SHIFT)
    own = Vehicle.objects.for_provider(shift.provider_id).filter(status=VehicleStatus.IN_SERVICE)
    free = own.exclude(pk__in=taken.values("vehicle")).order_by("label", "pk")[:MOST_CARS]
    return [(str(vehicle.pk), str(vehicle)) for vehicle in free]


def drivers_on_shift(provider_id: int) -> QuerySet[Any]:
    """Whom a message to those on the road goes to."""
    return Shift.objects.for_provider(provider_id).running().values("driver_id")
