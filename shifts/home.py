"""Shifts' part of the first page."""

from django.utils.translation import gettext_lazy as _

from shifts.models import PlatformEntry, Shift, ShiftProposal, ShiftStatus
from voltop.home import Figure, Task

SHIFTS = "/admin/shifts/shift/"
PROPOSALS = "/admin/shifts/shiftproposal/"
ENTRIES = "/admin/shifts/platformentry/"


def tasks(provider_id: int | None) -> list[Task]:
    """Shifts and proposals that wait for a yes or no, and income that nobody is known to own."""
    shifts = Shift.objects.seen_from(provider_id)
    waiting = ShiftProposal.objects.seen_from(provider_id).waiting()
    entries = PlatformEntry.objects.seen_from(provider_id)
    return [
        Task(
            _("Shifts that nobody ended"),
            shifts.filter(status=ShiftStatus.AUTO_CLOSED).count(),
            f"{SHIFTS}?status__exact=auto_closed",
            "shifts.change_shift",
            urgency="now",
            icon="timer_off",
        ),
        Task(
            _("Shifts marked for review"),
            shifts.for_review().filter(status=ShiftStatus.ENDED).count(),
            f"{SHIFTS}?marked_for_review__exact=1&status__exact=ended",
            "shifts.confirm_shift",
            icon="flag",
        ),
        Task(
            _("Shifts to confirm"),
            shifts.filter(status=ShiftStatus.ENDED, marked_for_review=False).count(),
            f"{SHIFTS}?status__exact=ended&marked_for_review__exact=0",
            "shifts.confirm_shift",
            icon="task_alt",
        ),
        Task(
            _("Proposed shifts to accept or reject"),
            waiting.filter(driver__isnull=False).count(),
            f"{PROPOSALS}?state__exact=proposed&driver__isempty=0",
            "shifts.change_shiftproposal",
            icon="rule",
        ),
        Task(
            _("Proposed shifts without a driver"),
            waiting.without_driver().count(),
            f"{PROPOSALS}?state__exact=proposed&driver__isempty=1",
            "shifts.change_shiftproposal",
            icon="person_search",
        ),
        Task(
            _("Platform income without a driver"),
            entries.filter(driver__isnull=True).count(),
            f"{ENTRIES}?driver__isempty=1",
            "shifts.change_platformdriver",
            urgency="later",
            icon="receipt_long",
        ),
    ]


def figures(provider_id: int | None) -> list[Figure]:
    """How many drivers are at work now."""
    running = Shift.objects.seen_from(provider_id).running().count()
    return [
        Figure(
            _("Shifts running"),
            str(running),
            f"{SHIFTS}?status__in=active,on_break",
            "shifts.view_shift",
            icon="schedule",
        )
    ]
