"""Metrics of shifts, computed from samples and hired runs for whoever asked.

Deterministic: the same data gives the same figures, in whatever order it came. Late telemetry,
a late platform entry or a correction asks again. Not here: what the figures pay.
"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from shifts.models import (
    MetricsMethod,
    MetricsRequest,
    PlatformEntry,
    Shift,
    ShiftBreak,
    ShiftMetrics,
    ShiftStatus,
    ShiftStint,
)
from shifts.services.review import mark_for_review
from shifts.signals import metrics_changed
from telemetry.models import HiredRun
from telemetry.selectors import Measurement, Stretch, measure_many
from voltop import clock, jobs

CHUNK = 20
"""Shifts per transaction: their rows stay locked while they are computed."""

RETRY_AFTER = timedelta(minutes=10)

LITTLE_COVERAGE_PCT = Decimal(50)
"""A tracked car whose samples vouch for less of a shift than this sends it to review."""

HUNDREDTH = Decimal("0.01")
SECOND = timedelta(seconds=1)


@dataclass(slots=True)
class Evidence:
    """All that a shift's metrics rest on: its parts, and what samples and platforms say of it."""

    measured: list[Measurement] = field(default_factory=list)
    stints_s: int = 0
    trips: int = 0
    break_s: int = 0
    income: Decimal | None = None
    currency: str = ""


def compute_due(*, limit: int = CHUNK, at: datetime | None = None) -> int:
    """Take some requests and compute their shifts; returns how many requests were taken.

    Requests that another worker holds are skipped. Safe to run at once and twice. A shift that
    cannot be computed is told as its company's failed job and tried again later; it holds up no
    other.
    """
    at = at or clock.now()
    with transaction.atomic():
        rows = list(
            MetricsRequest.objects.unscoped()
            .select_for_update(skip_locked=True)
            .filter(next_at__lte=at)
            .order_by("pk")[:limit]
        )
        failed = _compute_all_that_can_be(sorted({row.shift_id for row in rows}), at)
        done = [row.pk for row in rows if row.shift_id not in failed]
        later = [row.pk for row in rows if row.shift_id in failed]
        MetricsRequest.objects.unscoped().filter(pk__in=done).delete()
        MetricsRequest.objects.unscoped().filter(pk__in=later).update(next_at=at + RETRY_AFTER)
    return len(rows)


def work_off_requests(*, budget_s: float = 120) -> int:
    """Compute what is due until nothing is left or the time is used up; how many requests."""
    stop_at = time.monotonic() + budget_s
    taken = 0
    while step := compute_due():
        taken += step
        if time.monotonic() >= stop_at:
            break
    return taken


def _compute_all_that_can_be(shift_ids: Sequence[int], at: datetime) -> set[int]:
    """Compute them together, else one by one; the ids of those that cannot be computed."""
    try:
        compute_metrics(shift_ids, at=at)
    except Exception as error:
        if jobs.is_away(error):
            raise
        if len(shift_ids) == 1:
            (shift_id,) = shift_ids
            owner = Shift.objects.unscoped().values_list("provider_id", flat=True).get(pk=shift_id)
            jobs.tell_failed("shifts.compute_due_metrics", owner, error, at=at)
            return {shift_id}
        return {pk for shift_id in shift_ids for pk in _compute_all_that_can_be([shift_id], at)}
    return set()


@transaction.atomic
def compute_metrics(shift_ids: Sequence[int], *, at: datetime | None = None) -> int:
    """Compute these shifts' metrics now; returns how many rows changed.

    Shifts that are not over are left out. The shift rows are locked first, so that a computation
    on older data never overwrites one on newer.
    """
    at = at or clock.now()
    locked = Shift.objects.unscoped().select_for_update(no_key=True).filter(pk__in=shift_ids)
    shifts = list(locked.worked().order_by("pk"))
    if not shifts:
        return 0
    evidence = _evidence_of(shifts)
    known = ShiftMetrics.objects.unscoped().in_bulk(
        [shift.pk for shift in shifts], field_name="shift_id"
    )
    return sum(
        _store(shift, known.get(shift.pk), _figures(shift, evidence[shift.pk]), at)
        for shift in shifts
    )


def period_of(shift: Shift) -> tuple[datetime, datetime]:
    """Start and end of a worked shift."""
    if shift.starts_at is None or shift.ends_at is None:
        raise ValueError(f"shift {shift.pk} is not over")
    return shift.starts_at, shift.ends_at


# --- What is known -------------------------------------------------------------------------------
def _evidence_of(shifts: Sequence[Shift]) -> Mapping[int, Evidence]:
    """By shift; four queries, whatever the number."""
    found: defaultdict[int, Evidence] = defaultdict(Evidence)
    periods = {shift.pk: period_of(shift) for shift in shifts}
    stints = list(_stints_with_trips(list(periods)))
    stretches = [Stretch(row["vehicle_id"], row["starts_at"], row["ends_at"]) for row in stints]
    for row, measured in zip(stints, measure_many(stretches), strict=True):
        evidence = found[row["shift_id"]]
        evidence.measured.append(measured)
        evidence.stints_s += (row["ends_at"] - row["starts_at"]) // SECOND
        evidence.trips += row["trips"]
    rests = ShiftBreak.objects.unscoped().filter(shift_id__in=periods, ends_at__isnull=False)
    for shift_id, starts_at, ends_at in rests.values_list("shift_id", "starts_at", "ends_at"):
        low, high = periods[shift_id]
        shared = min(ends_at or high, high) - max(starts_at, low)
        found[shift_id].break_s += max(shared, timedelta()) // SECOND
    income = PlatformEntry.objects.unscoped().income().filter(shift_id__in=periods)
    for row in income.values("shift_id", "currency").annotate(total=Sum("amount")):
        found[row["shift_id"]].income = row["total"]
        found[row["shift_id"]].currency = row["currency"]
    return found


def _stints_with_trips(shift_ids: Sequence[int]) -> Any:
    """Closed stints in order, each with its vehicle and the fares begun in it."""
    begun = (
        HiredRun.objects.unscoped()
        .filter(
            vehicle_id=OuterRef("assignment__vehicle_id"),
            starts_at__gte=OuterRef("starts_at"),
            starts_at__lt=OuterRef("ends_at"),
        )
        .order_by()
        .values("vehicle_id")
        .annotate(count=Count("pk"))
    )
    return (
        ShiftStint.objects.unscoped()
        .of_shifts(shift_ids)
        .filter(ends_at__isnull=False)
        .order_by("shift_id", "starts_at")
        .values(
            "shift_id",
            "starts_at",
            "ends_at",
            vehicle_id=F("assignment__vehicle_id"),
            trips=Coalesce(Subquery(begun.values("count")), 0),
        )
    )


# --- What follows --------------------------------------------------------------------------------
def _figures(shift: Shift, evidence: Evidence) -> dict[str, Any]:
    """All columns of a shift's metrics but computed_at."""
    starts_at, ends_at = period_of(shift)
    measured = evidence.measured
    km, gap_km, paid_km = (
        sum((getattr(part, name) for part in measured), Decimal(0))
        for name in ("km", "gap_km", "occupied_km")
    )
    driving_s, idle_s, charging_s, occupied_s, samples = (
        sum(getattr(part, name) for part in measured)
        for name in ("driving_s", "idle_s", "charging_s", "occupied_s", "samples")
    )
    used = [part.used_wh for part in measured if part.used_wh is not None]
    return {
        "worked_s": (ends_at - starts_at) // SECOND - evidence.break_s,
        "break_s": evidence.break_s,
        "driving_s": driving_s,
        "idle_s": idle_s,
        "charging_s": charging_s,
        "occupied_s": occupied_s,
        "trips": evidence.trips,
        "km": km,
        "gap_km": gap_km,
        "paid_km": paid_km,
        "empty_km": max(km + gap_km - paid_km, Decimal(0)),
        "used_kwh": Decimal(sum(used)) / 1000 if used else None,
        "soc_start_pct": measured[0].soc_start_pct if measured else None,
        "soc_end_pct": measured[-1].soc_end_pct if measured else None,
        "samples": samples,
        "coverage_pct": _pct(driving_s + idle_s + charging_s, evidence.stints_s),
        "income_amount": evidence.income,
        "currency": evidence.currency,
        "method": MetricsMethod.GPS.value if samples else MetricsMethod.NONE.value,
    }


def _pct(part_s: int, whole_s: int) -> Decimal:
    if not whole_s:
        return Decimal(0)
    exact = Decimal(part_s) * 100 / Decimal(whole_s)
    return min(exact, Decimal(100)).quantize(HUNDREDTH, ROUND_HALF_EVEN)


def _store(
    shift: Shift, known: ShiftMetrics | None, values: Mapping[str, Any], at: datetime
) -> int:
    """Write a row that differs from the known one, and tell; 1 when something was written."""
    if known is not None and all(getattr(known, name) == new for name, new in values.items()):
        return 0
    metrics = known or ShiftMetrics(provider_id=shift.provider_id, shift=shift)
    for name, value in {**values, "computed_at": at}.items():
        setattr(metrics, name, value)
    metrics.save(update_fields=[*values, "computed_at"] if known else None)
    open_to_review = shift.status in (ShiftStatus.AUTO_CLOSED, ShiftStatus.ENDED)
    if open_to_review and metrics.samples and metrics.coverage_pct < LITTLE_COVERAGE_PCT:
        mark_for_review(shift, "little_coverage")
    metrics_changed.send(
        ShiftMetrics, metrics=metrics, shift_id=shift.pk, provider_id=shift.provider_id, at=at
    )
    return 1
