"""What vehicles shows beside a driver's conversation: the car the driver has now."""

from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from vehicles.models import Assignment, AssignmentKind
from vehicles.selectors import RANK
from voltop import clock
from voltop.cards import Card
from voltop.words import moment

NOTHING = "–"


def car_of_driver(driver: Driver, provider_id: int | None) -> Card:
    """By shift, else temporary, else permanent: the car that counts, as it was last heard."""
    own = Assignment.objects.seen_from(provider_id).filter(driver=driver)
    held = own.at(clock.now()).select_related("vehicle__state")
    found = min(held, key=lambda row: RANK[AssignmentKind(row.kind)], default=None)
    if found is None:
        return Card(_("Car"), [(_("vehicle"), _("none"))], "vehicles.view_assignment", "no_crash")
    vehicle, state = found.vehicle, found.vehicle.state
    lines = [
        (_("vehicle"), vehicle),
        (_("why"), found.get_kind_display()),
        (_("SoC"), NOTHING if state.soc_pct is None else f"{state.soc_pct:.0f} %"),
        (_("charging"), state.get_charging_display() or NOTHING),
        (_("last seen"), NOTHING if state.last_seen_at is None else moment(state.last_seen_at)),
    ]
    url = f"/admin/vehicles/vehicle/{vehicle.pk}/change/"
    return Card(_("Car"), lines, "vehicles.view_assignment", "electric_car", url)
