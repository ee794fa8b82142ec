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


class DriverDocumentQuerySet(ProviderQuerySet[M]):
    def with_file(self) -> Self:
        """With what is known of the files, but not what stands in them."""
        return self.select_related("file").defer("file__sealed")

    def holding_on(self, day: date) -> Self:
        """Approved papers that have not run out on a local day, whatever a job has come to say."""
        live = self.filter(status__in=("approved", "expired"))
        return live.filter(Q(expires_on__isnull=True) | Q(expires_on__gte=day))


class FaceCheckQuerySet(ProviderQuerySet[M]):
    def of(self, driver_id: int, *, until: datetime) -> Self:
        """A driver's own up to an instant, the latest first."""
        return self.filter(driver_id=driver_id, at__lte=until).order_by("-at", "-pk")

    def before_starts(self) -> Self:
        """Those before a shift; what happened at a log-in lets nobody start."""
        return self.filter(purpose="shift_start")

    def good(self) -> Self:
        """Passed, or set aside by staff."""
        return self.filter(result__in=("passed", "overridden"))


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
