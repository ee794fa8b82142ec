"""Shifts found in telemetry: proposing, editing, accepting, rejecting.

Work of a car between silences or standing of more than `gap_h` hours, given to whoever had the
car, cut at the policy's longest shift. What was already said about a car's time (a shift on it, a
proposal accepted, rejected or edited) stays: only the rest is proposed. Proposing again over the
same time and data changes nothing; where late data makes a difference, the old proposal is
withdrawn. Not here: what counts as work (`telemetry.selectors.work_intervals`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from django.db import transaction
from django.db.models import QuerySet

from drivers.models import Driver
from fleets import audit
from fleets.models import Depot, FleetPolicy, FleetProvider
from shifts.errors import ProposalOverlap, ProposalWithoutDriver, ShiftNotOver
from shifts.models import (
    PROPOSAL_MACHINE,
    SHIFT_MACHINE,
    CloseReason,
    ProposalState,
    Shift,
    ShiftProposal,
    ShiftStatus,
    ShiftStint,
)
from shifts.services.metric_requests import request_metrics
from shifts.services.parts import (
    lock_people_and_cars,
    new_shift,
    require_length,
    require_unworked,
    zone_name_of,
)
from shifts.services.platform_entries import attach_entries
from shifts.signals import shift_ended
from telemetry.selectors import work_intervals
from vehicles.models import Vehicle
from vehicles.selectors import holder_intervals, tenure_intervals
from vehicles.services import import_shift_assignment, lock_vehicles
from voltop import clock
from voltop.context import Actor
from voltop.errors import DomainError, IllegalMove, StaleVersion, given_reason

DEFAULT_GAP_H = 4


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a car's work by one holder."""

    starts_at: datetime
    ends_at: datetime
    driver_id: int | None = None
    depot_id: int | None = None


@dataclass(frozen=True, slots=True)
class ProposeResult:
    proposed: int = 0
    withdrawn: int = 0
    unchanged: int = 0

    def __add__(self, other: "ProposeResult") -> "ProposeResult":
        return ProposeResult(
            self.proposed + other.proposed,
            self.withdrawn + other.withdrawn,
            self.unchanged + other.unchanged,
        )


@dataclass(frozen=True, slots=True)
class AcceptResult:
    """What became of one proposal: its shift, or why not."""

    proposal_id: int
    shift_id: int | None = None
    error: DomainError | None = None


def propose_shifts(
    provider: FleetProvider,
    start: datetime,
    end: datetime,
    *,
    actor: Actor,
    vehicle_ids: Sequence[int] | None = None,
    gap_h: int = DEFAULT_GAP_H,
    at: datetime | None = None,
) -> ProposeResult:
    """Propose shifts that begin in [start, end), vehicle by vehicle, each its own transaction."""
    at = at or clock.now()
    actor.require_same_provider(provider)
    result = ProposeResult()
    for vehicle in vehicles_of(provider.pk, vehicle_ids):
        result += propose_of_vehicle(vehicle, start, end, actor=actor, gap_h=gap_h, at=at)
    return result


@transaction.atomic
def propose_of_vehicle(
    vehicle: Vehicle,
    start: datetime,
    end: datetime,
    *,
    actor: Actor,
    gap_h: int = DEFAULT_GAP_H,
    at: datetime | None = None,
) -> ProposeResult:
    """Propose one car's shifts that begin in [start, end)."""
    at = at or clock.now()
    actor.require_same_provider(vehicle)
    lock_vehicles([vehicle.pk])
    policy = FleetPolicy.objects.get(provider_id=vehicle.provider_id)
    longest = timedelta(hours=float(policy.shift_max_h))
    margin = longest + timedelta(hours=gap_h)
    waiting = list(
        ShiftProposal.objects.waiting().filter(
            vehicle=vehicle, edited=False, starts_at__gte=start, starts_at__lt=end
        )
    )
    pieces = _pieces(vehicle, start - margin, end + margin, gap_h, longest, waiting)
    wanted = {piece for piece in pieces if start <= piece.starts_at < end}
    same = {_piece_of(proposal): proposal for proposal in waiting}
    stale = [proposal for piece, proposal in same.items() if piece not in wanted]
    for proposal in stale:
        PROPOSAL_MACHINE.move(proposal, ProposalState.WITHDRAWN, actor=actor, at=at)
    fresh = sorted(wanted - same.keys(), key=lambda piece: piece.starts_at)
    for piece in fresh:
        _create(vehicle, piece, actor=actor, at=at)
    return ProposeResult(len(fresh), len(stale), len(wanted) - len(fresh))


@transaction.atomic
def edit_proposal(
    proposal: ShiftProposal,
    *,
    actor: Actor,
    driver: Driver | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    at: datetime | None = None,
) -> ShiftProposal:
    """Change who drove, or from when to when, before it is accepted; audited.

    Raises IllegalMove, ProposalOverlap (409), InvalidShiftPeriod, ShiftTooLong, ShiftNotOver
    (400).
    """
    at = at or clock.now()
    actor.require_same_provider(proposal, *([driver] if driver else []))
    lock_vehicles([proposal.vehicle_id])
    proposal = ShiftProposal.objects.select_for_update(no_key=True).get(pk=proposal.pk)
    _require_waiting(proposal, "edited")
    starts_at = starts_at or proposal.starts_at
    ends_at = ends_at or proposal.ends_at
    require_length(proposal.provider_id, starts_at, ends_at)
    if ends_at > at:
        raise ShiftNotOver(field="ends_at")
    values = {
        "driver": driver or proposal.driver,
        "starts_at": starts_at,
        "ends_at": ends_at,
    }
    changes = audit.diff(proposal, values)
    if not changes:
        return proposal
    others = ShiftProposal.objects.standing().filter(vehicle_id=proposal.vehicle_id)
    if other := others.overlapping(starts_at, ends_at).exclude(pk=proposal.pk).first():
        raise ProposalOverlap(proposal=other.pk)
    zone = clock.zone(proposal.time_zone)
    ShiftProposal.objects.filter(pk=proposal.pk).update(
        **values, edited=True, business_date=clock.local_date(starts_at, zone)
    )
    audit.record("shift_proposal.edited", proposal, actor=actor, at=at, changes=changes)
    proposal.refresh_from_db()
    return proposal


@transaction.atomic
def accept_proposal(proposal: ShiftProposal, *, actor: Actor, at: datetime | None = None) -> Shift:
    """Proposed → accepted: an ended shift, its stint, and that the driver had the car.

    An accepted one gives its shift again. Raises ProposalWithoutDriver, ShiftOverlap, IllegalMove
    and what vehicles refuses (409).
    """
    at = at or clock.now()
    actor.require_same_provider(proposal)
    if proposal.driver_id is None:
        raise ProposalWithoutDriver(field="driver")
    driver = lock_people_and_cars(proposal.driver_id, [proposal.vehicle_id])
    proposal = ShiftProposal.objects.select_for_update(no_key=True).get(pk=proposal.pk)
    if proposal.state == ProposalState.ACCEPTED and proposal.shift is not None:
        return proposal.shift
    _require_waiting(proposal, ProposalState.ACCEPTED)
    if proposal.driver_id != driver.pk:  # edited while we waited for the locks
        raise StaleVersion(current=proposal.row_version)
    require_unworked(driver, proposal.starts_at, proposal.ends_at)
    shift = _shift_of(proposal, driver, actor=actor, at=at)
    PROPOSAL_MACHINE.move(proposal, ProposalState.ACCEPTED, actor=actor, at=at, shift_id=shift.pk)
    attach_entries(shift)
    request_metrics([shift])
    shift_ended.send(Shift, shift=shift, actor=actor, at=at)
    return shift


def accept_proposals(
    proposals: Iterable[ShiftProposal], *, actor: Actor, at: datetime | None = None
) -> list[AcceptResult]:
    """Accept many, each for itself: what cannot be accepted says why and holds up nobody."""
    at = at or clock.now()
    results = []
    for proposal in proposals:
        try:
            with transaction.atomic():
                shift = accept_proposal(proposal, actor=actor, at=at)
        except DomainError as error:
            results.append(AcceptResult(proposal.pk, error=error))
        else:
            results.append(AcceptResult(proposal.pk, shift_id=shift.pk))
    return results


@transaction.atomic
def reject_proposal(
    proposal: ShiftProposal, *, actor: Actor, reason: str, at: datetime | None = None
) -> ShiftProposal:
    """Proposed → rejected: nobody worked, and it is not proposed again.

    Raises ReasonRequired (400), IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(proposal)
    reason = given_reason(reason)
    PROPOSAL_MACHINE.move(
        proposal, ProposalState.REJECTED, actor=actor, at=at, reason=reason.strip()
    )
    proposal.refresh_from_db()
    return proposal


# --- What is proposed ----------------------------------------------------------------------------
def vehicles_of(provider_id: int, vehicle_ids: Sequence[int] | None) -> QuerySet[Vehicle]:
    """The company's vehicles that are asked about, in the order in which they are worked on."""
    vehicles = Vehicle.objects.for_provider(provider_id).select_related("depot").order_by("pk")
    return vehicles if vehicle_ids is None else vehicles.filter(pk__in=vehicle_ids)


def _pieces(
    vehicle: Vehicle,
    start: datetime,
    end: datetime,
    gap_h: int,
    longest: timedelta,
    waiting: Sequence[ShiftProposal],
) -> list[Piece]:
    """The car's work: by holder, without the times that are taken, cut at the longest shift."""
    work = work_intervals(vehicle.pk, start, end, gap_h)
    held = [
        Piece(
            max(begun, holder.starts_at),
            min(over, holder.ends_at),
            holder.driver_id,
            holder.depot_id,
        )
        for begun, over in work
        for holder in _holders(vehicle, start, end)
        if holder.starts_at < over and begun < holder.ends_at
    ]
    free = _without(_joined(held), _taken(vehicle, start, end, waiting))
    return [part for piece in free for part in _cut(piece, longest)]


def _holders(vehicle: Vehicle, start: datetime, end: datetime) -> list[Piece]:
    """Who had the car, within the time that it was the company's."""
    tenures = [
        (max(start, tenure.starts_at), min(end, tenure.ends_at or end))
        for tenure in tenure_intervals([vehicle.pk], start, end)
        if tenure.provider_id == vehicle.provider_id
    ]
    return [
        Piece(
            max(holder.starts_at, begun),
            min(holder.ends_at, over),
            holder.driver_id,
            holder.depot_id,
        )
        for holder in holder_intervals([vehicle.pk], start, end)
        for begun, over in tenures
        if holder.starts_at < over and begun < holder.ends_at
    ]


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces that touch and have the same driver become one."""
    joined: list[Piece] = []
    for piece in sorted(pieces, key=lambda item: item.starts_at):
        last = joined[-1] if joined else None
        if last and last.ends_at == piece.starts_at and last.driver_id == piece.driver_id:
            joined[-1] = Piece(last.starts_at, piece.ends_at, last.driver_id, last.depot_id)
        else:
            joined.append(piece)
    return joined


def _taken(
    vehicle: Vehicle, start: datetime, end: datetime, waiting: Sequence[ShiftProposal]
) -> list[tuple[datetime, datetime]]:
    """Times of the car about which something stands: shifts on it, proposals but `waiting`."""
    stints = ShiftStint.objects.filter(assignment__vehicle=vehicle).overlapping(start, end)
    others = ShiftProposal.objects.standing().filter(vehicle=vehicle).overlapping(start, end)
    others = others.exclude(pk__in=[proposal.pk for proposal in waiting])
    rows = [
        *stints.values_list("starts_at", "ends_at"),
        *others.values_list("starts_at", "ends_at"),
    ]
    return sorted((begun, over or end) for begun, over in rows)


def _without(pieces: Sequence[Piece], taken: Sequence[tuple[datetime, datetime]]) -> list[Piece]:
    """What is left of the pieces outside the taken times."""
    left: list[Piece] = []
    for piece in pieces:
        begins = piece.starts_at
        for begun, over in taken:
            if over <= begins or begun >= piece.ends_at:
                continue
            if begun > begins:
                left.append(Piece(begins, begun, piece.driver_id, piece.depot_id))
            begins = max(begins, over)
        if begins < piece.ends_at:
            left.append(Piece(begins, piece.ends_at, piece.driver_id, piece.depot_id))
    return left


def _cut(piece: Piece, longest: timedelta) -> list[Piece]:
    """The piece in parts of at most the longest shift, the last one with the rest."""
    bounds = [piece.starts_at]
    while bounds[-1] + longest < piece.ends_at:
        bounds.append(bounds[-1] + longest)
    bounds.append(piece.ends_at)
    return [Piece(low, high, piece.driver_id, piece.depot_id) for low, high in pairwise(bounds)]


def _piece_of(proposal: ShiftProposal) -> Piece:
    return Piece(proposal.starts_at, proposal.ends_at, proposal.driver_id, proposal.depot_id)


def _create(vehicle: Vehicle, piece: Piece, *, actor: Actor, at: datetime) -> ShiftProposal:
    depot = Depot.objects.filter(pk=piece.depot_id).first() if piece.depot_id else None
    zone_name = zone_name_of(vehicle.provider_id, depot)
    proposal = ShiftProposal.objects.create(
        provider_id=vehicle.provider_id,
        vehicle=vehicle,
        driver_id=piece.driver_id,
        depot=depot,
        starts_at=piece.starts_at,
        ends_at=piece.ends_at,
        time_zone=zone_name,
        business_date=clock.local_date(piece.starts_at, clock.zone(zone_name)),
    )
    PROPOSAL_MACHINE.open(proposal, actor=actor, at=at)
    return proposal


# --- What is accepted ----------------------------------------------------------------------------
def _shift_of(proposal: ShiftProposal, driver: Driver, *, actor: Actor, at: datetime) -> Shift:
    """The ended shift of a proposal, with its stint on a past assignment."""
    shift = new_shift(
        driver,
        proposal.vehicle,
        depot=proposal.depot,
        starts_at=proposal.starts_at,
        ends_at=proposal.ends_at,
        status=ShiftStatus.ENDED,
        close_reason=CloseReason.TELEMETRY,
    )
    SHIFT_MACHINE.open(shift, actor=actor, at=at)
    assignment = import_shift_assignment(
        driver=driver,
        vehicle=proposal.vehicle,
        starts_at=proposal.starts_at,
        ends_at=proposal.ends_at,
        actor=actor,
    )
    ShiftStint.objects.create(
        provider_id=shift.provider_id,
        shift=shift,
        assignment=assignment,
        starts_at=proposal.starts_at,
        ends_at=proposal.ends_at,
    )
    shift.refresh_from_db()
    return shift


def _require_waiting(proposal: ShiftProposal, to: str) -> None:
    if proposal.state != ProposalState.PROPOSED:
        raise IllegalMove(
            object="shiftproposal",
            state=proposal.state,
            to=str(to),
            allowed=sorted(PROPOSAL_MACHINE.moves[proposal.state]),
        )
