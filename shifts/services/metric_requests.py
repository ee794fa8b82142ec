"""Asking for the metrics of shifts: by a row, so that the wish survives whatever happens next."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from shifts.models import MetricsRequest, Shift, ShiftStint
from shifts.services.rings import COMPUTE_TASK, ring


def request_metrics(shifts: Iterable[Shift]) -> None:
    """Ask for the metrics of worked shifts; computed by a worker within seconds."""
    rows = [MetricsRequest(provider_id=shift.provider_id, shift=shift) for shift in shifts]
    if rows:
        MetricsRequest.objects.bulk_create(rows)
        ring(COMPUTE_TASK)


def request_metrics_of_vehicles(vehicle_ids: Sequence[int], start: datetime, end: datetime) -> int:
    """Ask again for every worked shift that had one of these cars in [start, end)."""
    stints = ShiftStint.objects.unscoped().overlapping(start, end)
    shifts = (
        Shift.objects.unscoped()
        .worked()
        .filter(pk__in=stints.filter(assignment__vehicle_id__in=vehicle_ids).values("shift_id"))
    )
    found = list(shifts.only("pk", "provider_id"))
    request_metrics(found)
    return len(found)
