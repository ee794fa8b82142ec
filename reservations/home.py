"""Reservations' part of the first page."""

from django.utils.translation import gettext_lazy as _

from reservations.models import Evse, EvseStatus, Reservation
from voltop import clock
from voltop.home import Figure, Task

LIST = "/admin/reservations/reservation/"


def tasks(provider_id: int | None) -> list[Task]:
    """Chargers that do not work, and bookings nobody has come for."""
    broken = Evse.objects.seen_from(provider_id).filter(
        status__in=(EvseStatus.OUTOFORDER, EvseStatus.INOPERATIVE)
    )
    late = Reservation.objects.seen_from(provider_id).unused(clock.now()).filter(status="reserved")
    return [
        Task(
            _("Chargers out of order"),
            broken.count(),
            "/admin/reservations/evse/?status__exact=OUTOFORDER",
            "reservations.change_evse",
            icon="ev_station",
        ),
        Task(
            _("Bookings past their grace"),
            late.count(),
            f"{LIST}?status__exact=reserved",
            "reservations.change_reservation",
            urgency="now",
            icon="event_busy",
        ),
    ]


def figures(provider_id: int | None) -> list[Figure]:
    """Bookings that stand."""
    standing = Reservation.objects.seen_from(provider_id).standing()
    return [
        Figure(
            _("Bookings to come"),
            str(standing.filter(ends_at__gt=clock.now()).count()),
            f"{LIST}?status__exact=reserved",
            "reservations.view_reservation",
            icon="ev_station",
        )
    ]
