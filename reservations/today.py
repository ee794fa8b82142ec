"""What of bookings stands in `me/today`: the next ones, with the bay to drive to, and
the one that is in use until it ends.
"""

from datetime import datetime, timedelta
from typing import Any

from drivers.models import Driver
from reservations.models import Reservation, ReservationStatus
from voltop.api.fields import InstantField, StrictCharField, StrictChoiceField, StrictIntegerField
from voltop.api.serializers import Serializer
from voltop.today import Part

AHEAD = timedelta(days=7)
MOST = 5


class BookingTodaySerializer(Serializer):
    id = StrictIntegerField(min_value=1)
    station = StrictCharField(max_length=120)
    bay = StrictCharField(max_length=36)
    status = StrictChoiceField(choices=ReservationStatus.choices)
    starts_at = InstantField()
    ends_at = InstantField()


def parts() -> list[Part]:
    return [Part("reservations.book_as_driver", {"bookings": [BookingTodaySerializer]}, _bookings)]


def _bookings(driver: Driver, at: datetime) -> dict[str, Any]:
    own = Reservation.objects.for_provider(driver.provider_id).filter(driver=driver)
    ahead = own.blocking().filter(ends_at__gt=at, starts_at__lt=at + AHEAD)
    shown = [
        {
            "id": booking.pk,
            "station": booking.station.name,
            "bay": str(booking.evse),
            "status": booking.status,
            "starts_at": booking.starts_at,
            "ends_at": booking.ends_at,
        }
        for booking in ahead.select_related("station", "evse").order_by("starts_at")[:MOST]
    ]
    return {"bookings": shown}
