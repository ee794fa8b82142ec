"""What of shifts stands in `me/today`: shift, car, what a start would miss, hours, income."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from drivers.models import Driver
from shifts import gates
from shifts.models import NOT_INCOME, PlatformEntry, Shift, ShiftStatus
from shifts.services.working import car_for
from vehicles.models import Charging, Vehicle, VehicleState
from voltop import clock
from voltop.api.fields import (
    InstantField,
    Money,
    MoneyField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
)
from voltop.api.serializers import Serializer
from voltop.today import Part

PERMISSION = "shifts.work_shift"
AHEAD = timedelta(hours=24)
MOST_REASONS = 12


class ShiftTodaySerializer(Serializer):
    """The running shift, else the next one planned within 24 hours."""

    id = StrictIntegerField(min_value=1)
    status = StrictChoiceField(choices=ShiftStatus.choices)
    planned_starts_at = InstantField(allow_null=True)
    planned_ends_at = InstantField(allow_null=True)
    starts_at = InstantField(allow_null=True)


class CarTodaySerializer(Serializer):
    """The shift's car; before it the planned one, else the one that the driver has."""

    id = StrictIntegerField(min_value=1)
    name = StrictCharField(max_length=80)
    plate = StrictCharField(max_length=20)
    soc_pct = StrictIntegerField(min_value=0, max_value=100, allow_null=True)
    charging = StrictChoiceField(choices=Charging.choices, allow_null=True)


class ReasonTodaySerializer(Serializer):
    """`from_at` is when it will be no reason any more, where that is known."""

    code = StrictCharField(max_length=60)
    detail = StrictCharField(max_length=200)
    from_at = InstantField(allow_null=True)


class StartTodaySerializer(Serializer):
    """Whether a start would be taken now, and everything that is missing for it."""

    allowed = StrictBooleanField()
    reasons = ReasonTodaySerializer(many=True)


class HoursTodaySerializer(Serializer):
    """Of today's shifts, and the running one: worked and paused until its last change.

    Since then it goes on: working since `working_since`, or pausing since `pausing_since`.
    """

    worked_s = StrictIntegerField(min_value=0)
    break_s = StrictIntegerField(min_value=0)
    working_since = InstantField(allow_null=True)
    pausing_since = InstantField(allow_null=True)


class IncomeTodaySerializer(Serializer):
    """What ride platforms say that the driver took in today, before any deduction."""

    amount = MoneyField()


def parts() -> list[Part]:
    shapes = {
        "shift": ShiftTodaySerializer,
        "car": CarTodaySerializer,
        "start": StartTodaySerializer,
        "hours": HoursTodaySerializer,
        "income": IncomeTodaySerializer,
    }
    return [Part(PERMISSION, shapes, _work)]


def _work(driver: Driver, at: datetime) -> dict[str, Any]:
    running = Shift.objects.running().filter(driver=driver).with_parts().first()
    if running is not None:
        held = [stint.assignment.vehicle_id for stint in running.stints.all() if not stint.ends_at]
        shift: Shift | None = running
        car, start = Vehicle.objects.unscoped().filter(pk__in=held).first(), None
    else:
        planned, shift = _plans(driver, at)
        car = car_for(driver, shift, at)
        start = _start(
            driver, car if shift is planned else car_for(driver, planned, at), planned, at
        )
    return {
        "shift": shift,
        "car": car and _car(car),
        "start": start,
        "hours": _hours(driver, running, at),
        "income": _income(driver, at),
    }


def _plans(driver: Driver, at: datetime) -> tuple[Shift | None, Shift | None]:
    """The plan that a start would mean (`plan_for`), and it or the next one within 24 hours."""
    grace = timedelta(minutes=driver.provider.policy.shift_grace_min)
    rows = Shift.objects.planned_within(driver.pk, at, ahead=max(grace, AHEAD))
    plan = rows.select_related("planned_vehicle").first()
    if plan is None or plan.planned_starts_at is None:
        return None, None
    return plan if plan.planned_starts_at <= at + grace else None, plan


def _car(car: Vehicle) -> dict[str, Any]:
    state = VehicleState.objects.filter(vehicle=car).first()
    soc_pct = state.soc_pct if state is not None else None
    return {
        "id": car.pk,
        "name": car.label or car.plate or car.vin,
        "plate": car.plate,
        "soc_pct": None if soc_pct is None else min(100, round(soc_pct)),
        "charging": state.charging if state is not None else None,
    }


def _start(
    driver: Driver, car: Vehicle | None, planned: Shift | None, at: datetime
) -> dict[str, Any]:
    reasons = gates.refusals(driver, car, planned, at, policy=driver.provider.policy)
    shown = [_reason(reason) for reason in reasons[:MOST_REASONS]]
    return {"allowed": not reasons, "reasons": shown}


def _reason(reason: gates.Refusal) -> dict[str, Any]:
    extra = reason.error.extra
    from_at = extra.get("free_at") or extra.get("from_at")
    return {
        "code": reason.code,
        "detail": str(reason.error.detail)[:200],
        "from_at": from_at and datetime.fromisoformat(from_at),
    }


@dataclass(frozen=True, slots=True)
class Hours:
    worked_s: int
    break_s: int
    working_since: datetime | None
    pausing_since: datetime | None


def _hours(driver: Driver, running: Shift | None, at: datetime) -> Hours:
    over = Shift.objects.worked().filter(driver=driver, business_date=_today(driver, at))
    worked, paused = timedelta(), timedelta()
    working_since = pausing_since = None
    for shift in [*over.prefetch_related("breaks"), *([running] if running else [])]:
        begun_at, until, breaks = shift.starts_at, shift.ends_at, list(shift.breaks.all())
        assert begun_at is not None
        if until is None:
            pausing_since = next((rest.starts_at for rest in breaks if rest.ends_at is None), None)
            last = max([begun_at, *(rest.ends_at for rest in breaks if rest.ends_at is not None)])
            working_since, until = (None, pausing_since) if pausing_since else (last, last)
        rests = _closed(breaks)
        worked, paused = worked + (until - begun_at) - rests, paused + rests
    return Hours(_whole_s(worked), _whole_s(paused), working_since, pausing_since)


def _closed(rests: Iterable[Any]) -> timedelta:
    ended = [rest.ends_at - rest.starts_at for rest in rests if rest.ends_at is not None]
    return sum(ended, timedelta())


def _whole_s(length: timedelta) -> int:
    return max(0, round(length.total_seconds()))


def _today(driver: Driver, at: datetime) -> Any:
    """The local day of the driver's depot, else of the company."""
    zone = driver.depot.time_zone if driver.depot is not None else driver.provider.time_zone
    return clock.local_date(at, clock.shown_zone(zone))


def _income(driver: Driver, at: datetime) -> dict[str, Any]:
    """In the company's currency; what a platform pays in another is not added to it."""
    currency = driver.provider.currency
    today = PlatformEntry.objects.filter(
        driver=driver, business_date=_today(driver, at), currency=currency
    )
    total = today.exclude(kind__in=NOT_INCOME).aggregate(total=Sum("amount", default=Decimal()))
    return {"amount": Money(total["total"], currency)}
