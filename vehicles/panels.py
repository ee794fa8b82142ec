"""What vehicles shows on other apps' pages: the cars that a driver has now."""

from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from vehicles.models import Assignment, AssignmentKind
from vehicles.selectors import RANK
from voltop import clock
from voltop.panels import Panel
from voltop.words import moment


def cars_of_driver(driver: Driver, provider_id: int | None) -> Panel:
    """By shift, else temporary, else permanent: the first line is the car that counts."""
    own = Assignment.objects.seen_from(provider_id).filter(driver=driver)
    held = own.at(clock.now()).select_related("vehicle__state")
    return Panel(
        _("Cars the driver has now"),
        (_("vehicle"), _("why"), _("since"), _("until"), _("SoC %"), _("last seen")),
        [_line(row) for row in sorted(held, key=lambda row: RANK[AssignmentKind(row.kind)])],
        "vehicles.view_assignment",
    )


def _line(held: Assignment) -> tuple[object, ...]:
    state = held.vehicle.state
    return (
        format_html(
            '<a href="/admin/vehicles/vehicle/{}/change/">{}</a>', held.vehicle_id, held.vehicle
        ),
        held.get_kind_display(),
        *("–" if at is None else moment(at) for at in (held.starts_at, held.ends_at)),
        "–" if state.soc_pct is None else f"{state.soc_pct:.0f}",
        "–" if state.last_seen_at is None else moment(state.last_seen_at),
    )
