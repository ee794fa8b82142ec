"""Asking for the metrics of shifts: by a row, so that the wish survives whatever happens next."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from shifts.models import WORKED, MetricsRequest, Shift, ShiftStint
from voltop.rings import ring

TASK = "shifts.compute_due_metrics"


def request_metrics(shifts: Iterable[Shift]) -> None:
    """Ask for the metrics of worked shifts; computed by a worker within seconds."""
    rows = [MetricsRequest(provider_id=shift.provider_id, shift=shift) for shift in shifts]
    if rows:
        MetricsRequest.objects.bulk_create(rows)
        ring(TASK)


def request_metrics_of_vehicles(
    touched: Sequence[tuple[int, datetime, datetime]],
) -> int:
    """Ask again for every worked shift that had one of these cars in its [start, end].

    Two queries, whatever the number; returns how many shifts.
    """
    if not touched:
        return 0
    by_vehicle: defaultdict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for vehicle_id, start, end in touched:
        by_vehicle[vehicle_id].append((start, end))
    stints = (
        ShiftStint.objects.unscoped()
        .filter(
            assignment__vehicle_id__in=by_vehicle,
            starts_at__lte=max(end for _vehicle, _start, end in touched),
            ends_at__gte=min(start for _vehicle, start, _end in touched),
            shift__status__in=WORKED,
        )
        .select_related("shift", "assignment")
    )
    shifts = {
        stint.shift_id: stint.shift
        for stint in stints
        for start, end in by_vehicle[stint.assignment.vehicle_id]
        if stint.starts_at <= end and stint.ends_at is not None and start <= stint.ends_at
    }
    request_metrics([shifts[key] for key in sorted(shifts)])
    return len(shifts)
