"""Reservations' part of the first page and of the inbox."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from reservations.models import Evse, EvseStatus, Reservation
from voltop import clock
from voltop.home import Figure, Work

LIST = "/admin/reservations/reservation/"


def work() -> list[Work]:
    """Chargers that do not work, and bookings nobody has come for."""
    return [
        Work(
            "reservations.charger_broken",
            _("Chargers out of order"),
            _broken,
            "/admin/reservations/evse/?status__exact=OUTOFORDER",
            "reservations.change_evse",
            icon="ev_station",
            done_by_hand=True,
        ),
        Work(
            "reservations.past_grace",
            _("Bookings past their grace"),
            _past_grace,
            f"{LIST}?status__exact=reserved",
            "reservations.change_reservation",
            urgency="now",
            icon="event_busy",
        ),
    ]


def _broken(provider_id: int | None) -> QuerySet[Any]:
    states = (EvseStatus.OUTOFORDER, EvseStatus.INOPERATIVE)
    return Evse.objects.seen_from(provider_id).filter(status__in=states)


def _past_grace(provider_id: int | None) -> QuerySet[Any]:
    unused = Reservation.objects.seen_from(provider_id).unused(clock.now())
    return unused.filter(status="reserved")


def figures(provider_id: int | None) -> list[Figure]:
    """Bookings that stand."""
    standing = Reservation.objects.counted_for(provider_id).standing()
    return [
        Figure(
            _("Bookings to come"),
            str(standing.filter(ends_at__gt=clock.now()).count()),
            f"{LIST}?status__exact=reserved",
            "reservations.view_reservation",
            icon="ev_station",
        )
    ]
