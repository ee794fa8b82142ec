"""What shifts shows on other apps' pages: a driver's latest shifts."""

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from fleets.admin.shown import duration
from shifts.models import Shift
from voltop.panels import Panel
from voltop.words import moment

SHOWN_SHIFTS = 10


def latest_shifts(driver: Driver, provider_id: int | None) -> Panel:
    """The driver's newest shifts, planned ones too, on the page's clock."""
    own = Shift.objects.seen_from(provider_id).filter(driver=driver)
    return Panel(
        _("Latest shifts"),
        (_("day"), _("state"), _("start"), _("end"), _("hours"), _("review")),
        [_line(shift) for shift in own.order_by("-business_date", "-id")[:SHOWN_SHIFTS]],
        "shifts.view_shift",
        _("The newest %(count)d; planned times where a shift has not begun.")
        % {"count": SHOWN_SHIFTS},
    )


def _line(shift: Shift) -> tuple[object, ...]:
    planned = shift.starts_at is None
    starts_at, ends_at = (
        (shift.planned_starts_at, shift.planned_ends_at)
        if planned
        else (shift.starts_at, shift.ends_at)
    )
    hours = "–"
    if not planned and starts_at is not None and ends_at is not None:
        hours = duration(round((ends_at - starts_at).total_seconds()))
    return (
        format_html(
            '<a href="/admin/shifts/shift/{}/change/">{}</a>',
            shift.pk,
            date_format(shift.business_date),
        ),
        shift.get_status_display(),
        "–" if starts_at is None else moment(starts_at),
        "–" if ends_at is None else moment(ends_at),
        hours,
        _("wanted") if shift.marked_for_review else "",
    )
