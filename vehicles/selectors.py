"""Reads that join vehicles with who holds them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import (
    Case,
    CharField,
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Concat

from drivers.models import Driver
from fleets.models import ExternalRef, FleetProvider
from fleets.selectors import may_at
from vehicles.models import (
    Assignment,
    AssignmentKind,
    Vehicle,
    VehicleModel,
    VehicleState,
    VehicleStatus,
    VehicleTenure,
)
from voltop import clock, wire
from voltop.api.errors import ObjectNotFound

RANK = {AssignmentKind.SHIFT: 0, AssignmentKind.TEMPORARY: 1, AssignmentKind.PERMANENT: 2}


@dataclass(frozen=True, slots=True)
class HolderInterval:
    """Who had a vehicle over [starts_at, ends_at): a driver, or (driver_id None) its depot.

    `kind` is that of the assignment that decided, "depot" where there was none.
    """

    vehicle_id: int
    driver_id: int | None
    depot_id: int | None
    starts_at: datetime
    ends_at: datetime
    kind: str = "depot"
    assignment_id: int | None = None


@dataclass(frozen=True, slots=True)
class TenureInterval:
    """A provider held a vehicle over [starts_at, ends_at)."""

    vehicle_id: int
    provider_id: int
    starts_at: datetime
    ends_at: datetime


def model_named(provider_id: int, name: str) -> int | None:
    """The id of the catalogue's model "make model year", the year left away where there is one.

    None where it is not exactly one.
    """
    models = VehicleModel.objects.annotate(
        called=Concat("make", Value(" "), "model"),
        in_full=Concat("make", Value(" "), "model", Value(" "), Cast("year", CharField())),
    )
    wanted = " ".join(name.split())
    found = models.filter(Q(called__iexact=wanted) | Q(in_full__iexact=wanted))
    ids = list(found.values_list("pk", flat=True)[:2])
    return ids[0] if len(ids) == 1 else None


def vehicles_named(provider_id: int, names: Iterable[str]) -> dict[str, int]:
    """The company's vehicles by what people and other systems call them: VIN, plate, `system:id`.

    A name that is not exactly one vehicle's is left out; of a retired and a standing one it is the
    standing one's. Two queries, whatever the number.
    """
    names = set(names)
    refs = vehicles_by_ref(provider_id, names)
    bare = {name: re.sub(r"[ .·-]", "", name).upper() for name in names}
    own = Vehicle.objects.for_provider(provider_id)
    wanted = Q(vin__in=bare.values()) | Q(plate__in=[text for text in bare.values() if text])
    found: dict[str, int] = {}
    for vehicle in sorted(own.filter(wanted), key=lambda v: v.status != VehicleStatus.RETIRED):
        found |= {text: vehicle.pk for text in (vehicle.plate, vehicle.vin) if text}
    named = {name: found.get(text) for name, text in bare.items()} | refs
    return {name: pk for name, pk in named.items() if pk is not None}


def vehicles_by_ref(provider_id: int, names: Iterable[str]) -> dict[str, int]:
    """Those of the names that are refs (`system:id`) of vehicles of the company."""
    pairs = {tuple(name.split(":", 1)): name for name in names if ":" in name}
    refs = ExternalRef.objects.for_provider(provider_id).filter(
        object_type=Vehicle._meta.label_lower,
        external_id__in=[external_id for _system, external_id in pairs],
        object_id__in=Vehicle.objects.for_provider(provider_id).values("pk"),
    )
    return {
        pairs[ref.system, ref.external_id]: ref.object_id
        for ref in refs
        if (ref.system, ref.external_id) in pairs
    }


def holder_intervals(
    vehicle_ids: Iterable[int], start: datetime, end: datetime
) -> list[HolderInterval]:
    """Who had each vehicle over [start, end): shift, else temporary, else permanent, else depot.

    Ordered by vehicle and time, without gap or overlap: custody is never nobody's. The depot is
    the vehicle's present one (its history is not kept). Two queries, whatever the number.
    """
    ids = sorted(set(vehicle_ids))
    rows = Assignment.objects.unscoped().filter(vehicle_id__in=ids).overlapping(start, end)
    by_vehicle: defaultdict[int, list[Assignment]] = defaultdict(list)
    for row in rows:
        by_vehicle[row.vehicle_id].append(row)
    depots = dict(Vehicle.objects.unscoped().filter(pk__in=ids).values_list("pk", "depot_id"))
    return [
        interval
        for pk in ids
        if pk in depots and start < end
        for interval in _custody(pk, depots[pk], by_vehicle[pk], start, end)
    ]


def _custody(
    vehicle_id: int,
    depot_id: int | None,
    rows: Sequence[Assignment],
    start: datetime,
    end: datetime,
) -> Iterator[HolderInterval]:
    """Between two neighbouring bounds nothing changes; neighbours of one holder are joined.

    One pass: a kind has one assignment at a time, so that few are held at once.
    """
    bounds = {start, end}
    for row in rows:
        bounds.update(at for at in (row.starts_at, row.ends_at) if at and start < at < end)
    steps = sorted(bounds)
    coming = sorted(rows, key=lambda row: row.starts_at, reverse=True)
    held: list[Assignment] = []
    begin, holder = start, None
    for at in steps[:-1]:
        while coming and coming[-1].starts_at <= at:
            held.append(coming.pop())
        held = [row for row in held if row.ends_at is None or row.ends_at > at]
        following = min(held, key=lambda row: RANK[AssignmentKind(row.kind)], default=None)
        if following != holder and at > begin:
            yield _interval(vehicle_id, depot_id, holder, begin, at)
            begin = at
        holder = following
    yield _interval(vehicle_id, depot_id, holder, begin, end)


def _interval(
    vehicle_id: int,
    depot_id: int | None,
    holder: Assignment | None,
    starts_at: datetime,
    ends_at: datetime,
) -> HolderInterval:
    if holder is None:
        return HolderInterval(vehicle_id, None, depot_id, starts_at, ends_at)
    return HolderInterval(
        vehicle_id, holder.driver_id, depot_id, starts_at, ends_at, holder.kind, holder.pk
    )


def tenure_intervals(
    vehicle_ids: Iterable[int], start: datetime, end: datetime
) -> list[TenureInterval]:
    """Whose each vehicle was over [start, end), cut to it; nothing where it was nobody's."""
    rows = (
        VehicleTenure.objects.unscoped()
        .filter(vehicle_id__in=sorted(set(vehicle_ids)))
        .overlapping(start, end)
        .order_by("vehicle_id", "starts_at")
    )
    return [
        TenureInterval(
            row.vehicle_id,
            row.provider_id,
            max(row.starts_at, start),
            end if row.ends_at is None else min(row.ends_at, end),
        )
        for row in rows
    ]


class Held(NamedTuple):
    """Vehicles that one provider holds, and how long it keeps their samples (None: for ever)."""

    provider_id: int
    retention_days: int | None
    vehicle_ids: list[int]


_HELD = """
SELECT t.provider_id, p.telemetry_retention_days, array_agg(t.vehicle_id)
FROM vehicles_vehicletenure t LEFT JOIN fleets_fleetpolicy p ON p.provider_id = t.provider_id
WHERE t.vehicle_id = ANY(%b::int8[]) AND t.starts_at <= %b::timestamptz
    AND (t.ends_at IS NULL OR t.ends_at >= %b::timestamptz)
GROUP BY 1, 2
"""


def held_throughout(vehicle_ids: Iterable[int], start: datetime, end: datetime) -> list[Held]:
    """Those of the vehicles that one provider held over all of [start, end), by provider."""
    ids = wire.array(sorted(set(vehicle_ids)), "int8")
    return [Held(*row) for row in wire.execute(_HELD, [ids, start, end])]


def provider_of(vehicle_id: int, at: datetime) -> int | None:
    """The provider that held the vehicle at that instant."""
    tenures = VehicleTenure.objects.unscoped().filter(vehicle_id=vehicle_id).at(at)
    return tenures.values_list("provider_id", flat=True).first()


def live(states: QuerySet[VehicleState], at: datetime) -> QuerySet[VehicleState]:
    """States of vehicles not retired, with all that a map shows, in one query.

    Adds `driver_id` (who has it at `at`, None: the depot), `is_offline` (silent for longer than
    the provider's policy allows) and `is_low` (battery below the policy's `low_soc_pct`).
    """
    holder = (
        Assignment.objects.at(at)
        .filter(vehicle=OuterRef("pk"))
        .order_by(Case(*(When(kind=kind, then=rank) for kind, rank in RANK.items())))
    )
    allowed = ExpressionWrapper(
        F("vehicle__provider__policy__offline_after_min") * timedelta(minutes=1),
        output_field=DurationField(),
    )
    heard = Q(last_seen_at__gte=Value(at) - allowed)
    low = Q(soc_pct__lt=F("vehicle__provider__policy__low_soc_pct"))
    return (
        states.exclude(vehicle__status=VehicleStatus.RETIRED)
        .select_related("vehicle")
        .annotate(
            driver_id=Subquery(holder.values("driver_id")[:1]),
            is_offline=Case(When(heard, then=False), default=True),
            is_low=Case(When(low, then=True), default=False),
        )
    )


def receiver_for(user: Any, provider_id: int) -> FleetProvider:
    """A company that this person may receive vehicles for: platform staff any, others by role.

    Raises ObjectNotFound (400) for every other one, which may not even exist.
    """
    provider = FleetProvider.objects.filter(pk=provider_id).first()
    if provider is None or not may_at(user, provider_id, "vehicles.transfer_vehicle"):
        raise ObjectNotFound(field="provider")
    return provider


def blockers_of_driver(driver: Driver) -> list[dict[str, object]]:
    """What of vehicles stands in the way of a driver's leaving for good: cars not given back."""
    held = Assignment.objects.filter(driver=driver).overlapping(clock.now(), None)
    count = held.exclude(kind=AssignmentKind.SHIFT).count()
    return [{"code": "vehicles_held", "count": count}] if count else []


def blockers_of_provider(provider: object) -> list[dict[str, object]]:
    """What of vehicles stands in the way of closing a provider: cars not retired."""
    own = Vehicle.objects.for_provider(getattr(provider, "pk", None)).standing()
    count = own.count()
    return [{"code": "vehicles_standing", "count": count}] if count else []
