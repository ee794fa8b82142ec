"""Named reads of drivers."""

from datetime import date, datetime
from typing import Self

from django.db.models import Q

from fleets.querysets import M, ProviderQuerySet


class DriverQuerySet(ProviderQuerySet[M]):
    def employed(self) -> Self:
        """Everybody who has not left for good."""
        return self.exclude(status="terminated")

    def of_user(self, user_id: int) -> Self:
        """A person's own records, at every provider they drive for."""
        return self.filter(user_id=user_id)


class EngagementQuerySet(ProviderQuerySet[M]):
    def on(self, day: date) -> Self:
        """Engagements in force on a local day; `ends_on` is the first day after."""
        return self.filter(starts_on__lte=day).filter(Q(ends_on__isnull=True) | Q(ends_on__gt=day))


class PayoutAccountQuerySet(ProviderQuerySet[M]):
    def current(self) -> Self:
        return self.filter(retired_at__isnull=True)

    def payable(self, at: datetime) -> Self:
        """Accounts that money may be sent to at that instant: current and past their hold."""
        return self.current().filter(Q(hold_until__isnull=True) | Q(hold_until__lte=at))
