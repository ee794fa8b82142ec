"""What shifts shows on other apps' pages: a driver's latest shifts."""

from datetime import datetime

from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from shifts.models import Shift
from voltop import clock
from voltop.panels import Panel

SHOWN_SHIFTS = 10


def latest_shifts(driver: Driver, provider_id: int | None) -> Panel:
    """The driver's newest shifts, planned ones too, on their own clock."""
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
        hours = f"{(ends_at - starts_at).total_seconds() / 3600:.2f}"
    return (
        format_html(
            '<a href="/admin/shifts/shift/{}/change/">{}</a>', shift.pk, shift.business_date
        ),
        shift.get_status_display(),
        local_time(starts_at, shift.time_zone),
        local_time(ends_at, shift.time_zone),
        hours,
        _("wanted") if shift.marked_for_review else "",
    )


def local_time(at: datetime | None, zone_name: str) -> str:
    """An instant on the clock of the shift's own zone."""
    return "–" if at is None else f"{at.astimezone(clock.zone(zone_name)):%Y-%m-%d %H:%M}"
