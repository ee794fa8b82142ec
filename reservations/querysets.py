"""Named reads of bookings."""

from datetime import datetime, timedelta
from typing import Self

from django.db.models import DateTimeField, ExpressionWrapper, F, Q, Value

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

    def unused(self, at: datetime) -> Self:
        """Nobody has come: reserved and begun longer ago than the provider's grace, or pending
        when its start came.
        """
        grace = ExpressionWrapper(
            F("starts_at")
            + F("provider__policy__reservation_grace_min") * Value(timedelta(minutes=1)),
            output_field=DateTimeField(),
        )
        late, held = Q(status="reserved", grace_ends__lte=at), Q(status="pending")
        return self.filter(starts_at__lte=at).annotate(grace_ends=grace).filter(late | held)
