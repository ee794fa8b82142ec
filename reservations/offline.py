"""What of bookings a driver's phone may queue: calling one's own off, and being there.

Booking is not: what was free when the phone went silent may be taken by now.
"""

from typing import Any

from drivers.models import Driver
from reservations import services
from reservations.models import CancelReason, Reservation
from voltop.api.fields import INT8_MAX, StrictIntegerField
from voltop.api.offline import Occurrence, OfflineKind
from voltop.api.serializers import ReasonSerializer, Serializer
from voltop.context import Actor
from voltop.errors import NotFound

PERMISSION = "reservations.book_as_driver"


class QueuedCheckInSerializer(Serializer):
    reservation = StrictIntegerField(min_value=1, max_value=INT8_MAX)


class QueuedCancelSerializer(ReasonSerializer):
    reservation = StrictIntegerField(min_value=1, max_value=INT8_MAX)


def kinds() -> list[OfflineKind]:
    """Both count when they arrive: until then the time was kept, or given to others."""
    return [
        OfflineKind("reservation.cancel", PERMISSION, QueuedCancelSerializer, _cancel),
        OfflineKind("reservation.check_in", PERMISSION, QueuedCheckInSerializer, _check_in),
    ]


def _own(driver: Driver, key: int) -> Reservation:
    """One of the driver's bookings. Raises NotFound."""
    own = Reservation.objects.for_provider(driver.provider_id).filter(driver=driver)
    found = own.select_related("station").filter(pk=key).first()
    if found is None:
        raise NotFound()
    return found


def _cancel(driver: Driver, actor: Actor, values: dict[str, Any], event: Occurrence) -> Any:
    reservation = _own(driver, values.pop("reservation"))
    return services.cancel(reservation, actor=actor, cancel_reason=CancelReason.DRIVER, **values)


def _check_in(driver: Driver, actor: Actor, values: dict[str, Any], event: Occurrence) -> Any:
    return services.check_in(_own(driver, values["reservation"]), actor=actor)
