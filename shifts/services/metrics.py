"""Metrics of shifts, computed from samples and hired runs for whoever asked.

Deterministic: the same data gives the same figures, in whatever order it came. Late telemetry,
a late platform entry or a correction asks again. Not here: what the figures pay.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django.db import transaction
from django.db.models import Sum

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
from telemetry import selectors as telemetry_reads
from telemetry.models import HiredRun
from voltop import clock

CHUNK = 20
"""Shifts per transaction: their rows stay locked while they are computed."""

RETRY_AFTER = timedelta(minutes=10)

LITTLE_COVERAGE_PCT = Decimal(50)
"""A tracked car whose samples vouch for less of a shift than this sends it to review."""

logger = logging.getLogger(__name__)
HUNDREDTH = Decimal("0.01")


def compute_due(*, limit: int = CHUNK, at: datetime | None = None) -> int:
    """Take some requests and compute their shifts; returns how many requests were taken.

    Requests that another worker holds are skipped. Safe to run at once and twice. A shift that
    cannot be computed is logged and tried again later; it holds up no other.
    """
    at = at or clock.now()
    with transaction.atomic():
        rows = list(
            MetricsRequest.objects.unscoped()
            .select_for_update(skip_locked=True)
            .filter(next_at__lte=at)
            .order_by("pk")[:limit]
        )
        failed = set()
        for shift_id in sorted({row.shift_id for row in rows}):
            try:
                compute_metrics([shift_id], at=at)
            except Exception:
                logger.exception("metrics of shift %s failed", shift_id)
                failed.add(shift_id)
        done = [row.pk for row in rows if row.shift_id not in failed]
        later = [row.pk for row in rows if row.shift_id in failed]
        MetricsRequest.objects.unscoped().filter(pk__in=done).delete()
        MetricsRequest.objects.unscoped().filter(pk__in=later).update(next_at=at + RETRY_AFTER)
    return len(rows)


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
    stints, breaks, income = _parts_of(shifts)
    known = ShiftMetrics.objects.unscoped().in_bulk(
        [shift.pk for shift in shifts], field_name="shift_id"
    )
    changed = 0
    for shift in shifts:
        values = _figures(shift, stints[shift.pk], breaks[shift.pk], income.get(shift.pk))
        changed += _store(shift, known.get(shift.pk), values, at)
    return changed


def _parts_of(
    shifts: Sequence[Shift],
) -> tuple[
    Mapping[int, list[ShiftStint]],
    Mapping[int, list[ShiftBreak]],
    Mapping[int, tuple[Decimal, str]],
]:
    ids = [shift.pk for shift in shifts]
    stints: defaultdict[int, list[ShiftStint]] = defaultdict(list)
    for stint in (
        ShiftStint.objects.unscoped()
        .of_shifts(ids)
        .filter(ends_at__isnull=False)
        .select_related("assignment")
        .order_by("starts_at")
    ):
        stints[stint.shift_id].append(stint)
    breaks: defaultdict[int, list[ShiftBreak]] = defaultdict(list)
    for rest in ShiftBreak.objects.filter(shift_id__in=ids, ends_at__isnull=False):
        breaks[rest.shift_id].append(rest)
    sums = (
        PlatformEntry.objects.unscoped()
        .income()
        .filter(shift_id__in=ids)
        .values("shift_id", "currency")
        .annotate(total=Sum("amount"))
    )
    income = {row["shift_id"]: (row["total"], row["currency"]) for row in sums}
    return stints, breaks, income


def _figures(
    shift: Shift,
    stints: Sequence[ShiftStint],
    breaks: Sequence[ShiftBreak],
    income: tuple[Decimal, str] | None,
) -> dict[str, Any]:
    """All columns of a shift's metrics but computed_at."""
    starts_at, ends_at = period_of(shift)
    break_s = sum(_seconds(_shared(*_bounds(rest), starts_at, ends_at)) for rest in breaks)
    parts = [(stint, *_of_stint(stint)) for stint in stints]
    measured = [part for _stint, part, *_rest in parts]
    samples = sum(part.samples for part in measured)
    km, gap_km, paid_km = (
        sum((getattr(part, name) for part in measured), Decimal(0))
        for name in ("km", "gap_km", "occupied_km")
    )
    used = [part.used_wh for part in measured if part.used_wh is not None]
    return {
        "worked_s": _seconds(ends_at - starts_at) - break_s,
        "break_s": break_s,
        "driving_s": sum(part.driving_s for part in measured),
        "idle_s": sum(part.idle_s for part in measured),
        "charging_s": sum(part.charging_s for part in measured),
        "occupied_s": sum(occupied_s for _stint, _part, occupied_s, _trips in parts),
        "trips": sum(trips for *_rest, trips in parts),
        "km": km,
        "gap_km": gap_km,
        "paid_km": paid_km,
        "empty_km": max(km + gap_km - paid_km, Decimal(0)),
        "used_kwh": Decimal(sum(used)) / 1000 if used else None,
        "soc_start_pct": measured[0].soc_start_pct if measured else None,
        "soc_end_pct": measured[-1].soc_end_pct if measured else None,
        "samples": samples,
        "coverage_pct": _coverage(parts),
        "income_amount": income[0] if income else None,
        "currency": income[1] if income else "",
        "method": MetricsMethod.GPS.value if samples else MetricsMethod.NONE.value,
    }


def _of_stint(stint: ShiftStint) -> tuple["telemetry_reads.Measurement", int, int]:
    """What the samples say of a stint, its seconds with a fare on board, and fares begun in it."""
    vehicle_id = stint.assignment.vehicle_id
    starts_at, ends_at = _bounds(stint)
    runs = (
        HiredRun.objects.unscoped()
        .filter(vehicle_id=vehicle_id)
        .touching(starts_at, ends_at)
        .values_list("starts_at", "ends_at")
    )
    occupied_s = sum(_seconds(_shared(*run, starts_at, ends_at)) for run in runs)
    begun = sum(1 for run in runs if starts_at <= run[0])
    return telemetry_reads.measure(vehicle_id, starts_at, ends_at), occupied_s, begun


def _coverage(parts: Sequence[tuple[Any, ...]]) -> Decimal:
    """The share of the stints' time that samples vouch for, in percent."""
    total = sum((_length(stint) for stint, *_rest in parts), timedelta())
    if not total:
        return Decimal(0)
    vouched = sum(
        (part.coverage_pct * Decimal(_length(stint) / total) for stint, part, *_rest in parts),
        Decimal(0),
    )
    return min(vouched, Decimal(100)).quantize(HUNDREDTH, ROUND_HALF_EVEN)


def _store(
    shift: Shift, known: ShiftMetrics | None, values: Mapping[str, Any], at: datetime
) -> int:
    """Write a row that differs from the known one, and tell; 1 when something was written."""
    if known is not None and all(getattr(known, name) == new for name, new in values.items()):
        return 0
    metrics, _made = ShiftMetrics.objects.update_or_create(
        shift=shift,
        defaults={**values, "provider_id": shift.provider_id, "computed_at": at},
    )
    open_to_review = shift.status in (ShiftStatus.AUTO_CLOSED, ShiftStatus.ENDED)
    if open_to_review and metrics.samples and metrics.coverage_pct < LITTLE_COVERAGE_PCT:
        mark_for_review(shift, "little_coverage")
    metrics_changed.send(
        ShiftMetrics, metrics=metrics, shift_id=shift.pk, provider_id=shift.provider_id, at=at
    )
    return 1


def period_of(shift: Shift) -> tuple[datetime, datetime]:
    """Start and end of a worked shift."""
    if shift.starts_at is None or shift.ends_at is None:
        raise ValueError(f"shift {shift.pk} is not over")
    return shift.starts_at, shift.ends_at


def _length(part: ShiftStint | ShiftBreak) -> timedelta:
    low, high = _bounds(part)
    return high - low


def _bounds(part: ShiftStint | ShiftBreak) -> tuple[datetime, datetime]:
    """Start and end of a part of a worked shift."""
    if part.ends_at is None:
        raise ValueError(f"{part} is not over")
    return part.starts_at, part.ends_at


def _shared(start: datetime, end: datetime, low: datetime, high: datetime) -> timedelta:
    """How long [start, end) and [low, high) overlap."""
    return max(min(end, high) - max(start, low), timedelta())


def _seconds(length: timedelta) -> int:
    return length // timedelta(seconds=1)
