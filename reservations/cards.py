"""What reservations shows beside a driver's conversation, and what may be done there."""

from functools import partial

from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from reservations import services
from reservations.models import Reservation
from voltop import clock
from voltop.cards import Card, QuickAction
from voltop.context import Actor
from voltop.words import moment

PERMISSION = "reservations.view_reservation"


def booking_of_driver(driver: Driver, provider_id: int | None) -> Card:
    """The driver's booking that runs or comes next."""
    booking = _next(driver)
    if booking is None:
        return Card(_("Booking"), [(_("booking"), _("none"))], PERMISSION, "event")
    lines = [
        (_("station"), booking.station.name),
        (_("charge point"), booking.evse.uid),
        (_("from"), moment(booking.starts_at)),
        (_("until"), moment(booking.ends_at)),
        (_("state"), booking.get_status_display()),
    ]
    url = f"/admin/reservations/reservation/{booking.pk}/change/"
    return Card(_("Booking"), lines, PERMISSION, "event", url)


def actions_of_driver(driver: Driver, provider_id: int | None) -> list[QuickAction]:
    """Call the booking off."""
    booking = _next(driver)
    if booking is None:
        return []
    permission, call = "reservations.change_reservation", partial(_cancel, booking)
    return [QuickAction("reservations.cancel", _("Cancel the booking"), permission, call)]


def _next(driver: Driver) -> Reservation | None:
    own = Reservation.objects.for_provider(driver.provider_id).filter(driver=driver)
    ahead = own.standing().filter(ends_at__gt=clock.now()).order_by("starts_at")
    return ahead.select_related("station", "evse").first()


def _cancel(booking: Reservation, actor: Actor, reason: str, choice: str) -> None:
    services.cancel(booking, actor=actor, reason=reason)
