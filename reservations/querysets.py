"""Named reads of bookings."""

from datetime import datetime, timedelta
from typing import Self

from django.db.models import DateTimeField, ExpressionWrapper, F, Value

from voltop.querysets import M, ProviderQuerySet

BLOCKING = ("pending", "reserved", "fulfilled")


class ReservationQuerySet(ProviderQuerySet[M]):
    def blocking(self) -> Self:
        """Bookings that keep others away."""
        return self.filter(status__in=BLOCKING)

    def standing(self) -> Self:
        """Bookings still to come or running, not yet used."""
        return self.filter(status__in=("pending", "reserved"))

    def meeting(self, starts_at: datetime, ends_at: datetime) -> Self:
        """Bookings whose kept time meets [starts_at, ends_at)."""
        return self.filter(starts_at__lt=ends_at, blocked_until__gt=starts_at)

    def past_grace(self, at: datetime) -> Self:
        """Reserved, begun longer ago than the provider's grace, and nobody has come."""
        grace = ExpressionWrapper(
            F("starts_at")
            + F("provider__policy__reservation_grace_min") * Value(timedelta(minutes=1)),
            output_field=DateTimeField(),
        )
        return self.filter(status="reserved").annotate(grace_ends=grace).filter(grace_ends__lte=at)
