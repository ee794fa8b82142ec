"""Shifts' part of the first page and of the inbox."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from shifts.models import PlatformEntry, Shift, ShiftProposal, ShiftStatus
from voltop.home import Figure, Work

SHIFTS = "/admin/shifts/shift/"
PROPOSALS = "/admin/shifts/shiftproposal/"
ENTRIES = "/admin/shifts/platformentry/"


def work() -> list[Work]:
    """Shifts and proposals that wait for a yes or no, and income that nobody is known to own."""
    return [*_of_shifts(), *_of_proposals()]


def _of_shifts() -> list[Work]:
    return [
        Work(
            "shifts.not_ended",
            _("Shifts that nobody ended"),
            lambda provider_id: _shifts(provider_id).filter(status=ShiftStatus.AUTO_CLOSED),
            f"{SHIFTS}?status__exact=auto_closed",
            "shifts.change_shift",
            urgency="now",
            icon="timer_off",
        ),
        Work(
            "shifts.review",
            _("Shifts marked for review"),
            lambda provider_id: _ended(provider_id).for_review(),
            f"{SHIFTS}?marked_for_review__exact=1&status__exact=ended",
            "shifts.confirm_shift",
            icon="flag",
        ),
        Work(
            "shifts.confirm",
            _("Shifts to confirm"),
            lambda provider_id: _ended(provider_id).filter(marked_for_review=False),
            f"{SHIFTS}?status__exact=ended&marked_for_review__exact=0",
            "shifts.confirm_shift",
            icon="task_alt",
        ),
    ]


def _of_proposals() -> list[Work]:
    return [
        Work(
            "shifts.decide_proposal",
            _("Proposed shifts to accept or reject"),
            lambda provider_id: _proposed(provider_id).filter(driver__isnull=False),
            f"{PROPOSALS}?state__exact=proposed&driver__isempty=0",
            "shifts.change_shiftproposal",
            icon="rule",
        ),
        Work(
            "shifts.proposal_without_driver",
            _("Proposed shifts without a driver"),
            lambda provider_id: _proposed(provider_id).without_driver(),
            f"{PROPOSALS}?state__exact=proposed&driver__isempty=1",
            "shifts.change_shiftproposal",
            icon="person_search",
        ),
        Work(
            "shifts.income_without_driver",
            _("Platform income without a driver"),
            _income_without_driver,
            f"{ENTRIES}?driver__isempty=1",
            "shifts.change_platformdriver",
            urgency="later",
            icon="receipt_long",
        ),
    ]


def _shifts(provider_id: int | None) -> Any:
    return Shift.objects.seen_from(provider_id)


def _ended(provider_id: int | None) -> Any:
    return _shifts(provider_id).filter(status=ShiftStatus.ENDED)


def _proposed(provider_id: int | None) -> Any:
    return ShiftProposal.objects.seen_from(provider_id).waiting()


def _income_without_driver(provider_id: int | None) -> QuerySet[Any]:
    return PlatformEntry.objects.seen_from(provider_id).filter(driver__isnull=True)


def figures(provider_id: int | None) -> list[Figure]:
    """How many drivers are at work now."""
    running = Shift.objects.counted_for(provider_id).running().count()
    return [
        Figure(
            _("Shifts running"),
            str(running),
            f"{SHIFTS}?status__in=active,on_break",
            "shifts.view_shift",
            icon="schedule",
        )
    ]
