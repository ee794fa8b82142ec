"""The end of a shift and what follows: closing, confirming, reopening, settling.

An end may be repeated: a phone that lost the answer gets the same shift.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from fleets.models import FleetPolicy
from fleets.services.notices import notify
from shifts.errors import InvalidShiftPeriod
from shifts.models import SHIFT_MACHINE, CloseReason, Shift, ShiftStatus, ShiftStint
from shifts.services.metric_requests import request_metrics
from shifts.services.parts import close_break, close_stint, lock_shift
from shifts.services.platform_entries import attach_entries
from shifts.services.review import clear_review, mark_for_review
from shifts.signals import shift_confirmed, shift_ended, shift_reopened
from voltop import clock
from voltop.context import Actor
from voltop.errors import IllegalMove, NotFound, given_reason
from voltop.states import Moved

OVER = frozenset({ShiftStatus.ENDED, ShiftStatus.CONFIRMED, ShiftStatus.SETTLED})
"""Ending what has ended changes nothing and is no error."""


@transaction.atomic
def end_shift(
    shift: Shift,
    *,
    actor: Actor,
    reason: str = "",
    claimed_at: datetime | None = None,
    at: datetime | None = None,
) -> Shift:
    """Active or on break → ended now; auto-closed → ended, with the times it was closed at.

    An ended shift is returned as it is. `claimed_at` is what a phone said where `at` is not that
    (`claims`). Raises IllegalMove (409) for one that never began.
    """
    at = at or clock.now()
    actor.require_same_provider(shift)
    driver, shift = lock_shift(shift)
    if shift.status in OVER:
        return shift
    if shift.status == ShiftStatus.AUTO_CLOSED:
        told = {"claimed_at": claimed_at}
        SHIFT_MACHINE.move(shift, ShiftStatus.ENDED, actor=actor, at=at, reason=reason, told=told)
        shift.refresh_from_db()
        return shift
    own = actor.kind == "user" and actor.id == driver.user_id
    return _finish(
        shift,
        ShiftStatus.ENDED,
        CloseReason.DRIVER if own else CloseReason.STAFF,
        ends_at=at,
        actor=actor,
        at=at,
        reason=reason,
        claimed_at=claimed_at,
    )


@transaction.atomic
def auto_close(shift: Shift, *, actor: Actor, at: datetime | None = None) -> Shift:
    """Active or on break → auto_closed, ended at its start plus the longest shift, for review.

    Raises IllegalMove (409), also when the shift has not yet run that long.
    """
    at = at or clock.now()
    actor.require_same_provider(shift)
    _driver, shift = lock_shift(shift)
    policy = FleetPolicy.objects.get(provider_id=shift.provider_id)
    if not shift.is_running or shift.starts_at is None:
        raise _illegal(shift, ShiftStatus.AUTO_CLOSED)
    ends_at = shift.starts_at + timedelta(hours=float(policy.shift_max_h))
    if ends_at > at:
        raise _illegal(shift, ShiftStatus.AUTO_CLOSED)
    ends_at = max(ends_at, _latest_change(shift))
    mark_for_review(shift, "auto_closed")
    params = {"started_at": shift.starts_at.isoformat(), "ended_at": ends_at.isoformat()}
    notify(shift.driver.user, "shifts.auto_closed", params, about=shift, at=at)
    return _finish(
        shift,
        ShiftStatus.AUTO_CLOSED,
        CloseReason.TOO_LONG,
        ends_at=ends_at,
        actor=actor,
        at=at,
    )


@transaction.atomic
def confirm_shift(
    shift: Shift, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> Shift:
    """Ended → confirmed: payable. A shift marked for review asks for a reason, and is audited.

    Raises ReasonRequired (400), IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(shift)
    SHIFT_MACHINE.move(
        shift, ShiftStatus.CONFIRMED, actor=actor, at=at, reason=reason, only_from={"ended"}
    )
    shift.refresh_from_db()
    if shift.marked_for_review:
        clear_review(shift, actor=actor, at=at, reason=reason)
    shift_confirmed.send(Shift, shift=shift, actor=actor, at=at)
    return shift


@transaction.atomic
def reopen_shift(shift: Shift, *, actor: Actor, reason: str, at: datetime | None = None) -> Shift:
    """Confirmed → ended again, to be corrected. Raises ReasonRequired (400), IllegalMove (409)."""
    at = at or clock.now()
    actor.require_same_provider(shift)
    reason = given_reason(reason)
    SHIFT_MACHINE.move(
        shift,
        ShiftStatus.ENDED,
        actor=actor,
        at=at,
        reason=reason.strip(),
        only_from={"confirmed"},
    )
    shift.refresh_from_db()
    shift_reopened.send(Shift, shift=shift, actor=actor, at=at)
    return shift


@transaction.atomic
def settle_shifts(shift_ids: Sequence[int], *, actor: Actor, at: datetime | None = None) -> int:
    """Confirmed → settled, for good: pay was approved on the strength of these shifts.

    All or none, in one statement each for rows and events. Returns how many.
    Raises NotFound, IllegalMove (409; `extra.shifts` are those that are not confirmed).
    """
    at = at or clock.now()
    ids = sorted(set(shift_ids))
    rows = list(Shift.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))
    actor.require_same_provider(*rows)
    if len(rows) != len(ids):
        raise NotFound()
    wrong = [row.pk for row in rows if not SHIFT_MACHINE.allows(row.status, "settled")]
    if wrong:
        raise IllegalMove(object="shift", to=ShiftStatus.SETTLED.value, shifts=wrong[:50])
    Shift.objects.filter(pk__in=ids).update(status=ShiftStatus.SETTLED)
    if rows:
        moves = [Moved(row.pk, row.status, ShiftStatus.SETTLED.value) for row in rows]
        SHIFT_MACHINE.record(Shift, moves, provider_id=rows[0].provider_id, actor=actor, at=at)
    return len(ids)


def _finish(
    shift: Shift,
    to: str,
    close_reason: str,
    *,
    ends_at: datetime,
    actor: Actor,
    at: datetime,
    reason: str = "",
    claimed_at: datetime | None = None,
) -> Shift:
    """Close the shift with its break, stint and custody; its metrics and income follow."""
    if shift.starts_at is not None and ends_at <= shift.starts_at:
        raise InvalidShiftPeriod()
    SHIFT_MACHINE.move(
        shift,
        to,
        actor=actor,
        at=at,
        reason=reason,
        told={"claimed_at": claimed_at},
        ends_at=ends_at,
        close_reason=close_reason,
    )
    close_break(shift, ends_at)
    for stint in ShiftStint.objects.filter(shift=shift, ends_at__isnull=True).select_related(
        "assignment"
    ):
        close_stint(stint, ends_at, actor=actor)
    shift.refresh_from_db()
    attach_entries(shift)
    request_metrics([shift])
    shift_ended.send(Shift, shift=shift, actor=actor, at=at)
    return shift


def _latest_change(shift: Shift) -> datetime:
    """An instant after which the shift can be cut without an empty stint or break."""
    starts = [
        *shift.stints.filter(ends_at__isnull=True).values_list("starts_at", flat=True),
        *shift.breaks.filter(ends_at__isnull=True).values_list("starts_at", flat=True),
    ]
    return max(starts) + timedelta(seconds=1)


def _illegal(shift: Shift, to: str) -> IllegalMove:
    return IllegalMove(
        object="shift",
        state=shift.status,
        to=str(to),
        allowed=sorted(SHIFT_MACHINE.moves[shift.status]),
    )
