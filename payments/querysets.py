"""Named reads of terms, adjustments, payments and payouts."""

from datetime import date
from typing import Self

from django.db.models import Q

from voltop.querysets import M, ProviderQuerySet


class TermsQuerySet(ProviderQuerySet[M]):
    def on(self, day: date) -> Self:
        """Terms in force on a business date; `valid_to` is the first day after."""
        return self.filter(valid_from__lte=day).filter(
            Q(valid_to__isnull=True) | Q(valid_to__gt=day)
        )

    def sharing_days(self, starts_on: date, ends_on: date | None) -> Self:
        """Terms that share a day with [starts_on, ends_on); an open end is None."""
        found = self.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=starts_on))
        return found if ends_on is None else found.filter(valid_from__lt=ends_on)

    def of_user(self, user_id: int) -> Self:
        return self.filter(driver__user_id=user_id)


class AdjustmentQuerySet(ProviderQuerySet[M]):
    def waiting(self) -> Self:
        return self.filter(status="requested")


class PaymentQuerySet(ProviderQuerySet[M]):
    def of_user(self, user_id: int) -> Self:
        """A person's own payments: the approved ones, which are theirs to see."""
        return self.filter(driver__user_id=user_id, approved_at__isnull=False)

    def to_be_reviewed(self) -> Self:
        return self.filter(status__in=("exception", "held"))


class PayoutQuerySet(ProviderQuerySet[M]):
    def under_way(self) -> Self:
        """Not known to have ended well or badly."""
        return self.filter(status__in=("created", "held", "submitted", "unknown"))

    def unknown(self) -> Self:
        return self.filter(status="unknown")
