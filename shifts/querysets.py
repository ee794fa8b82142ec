"""Named reads of shifts, stints, proposals and platform income."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Self

from django.db.models import Prefetch

from vehicles.querysets import PeriodQuerySet
from voltop.querysets import M, ProviderQuerySet

_RUNNING = ("active", "on_break")
_WORKED = ("auto_closed", "ended", "confirmed", "settled")


class ShiftQuerySet(PeriodQuerySet[M]):
    def running(self) -> Self:
        return self.filter(status__in=_RUNNING)

    def worked(self) -> Self:
        """Shifts that have begun and ended, in whatever state of confirmation."""
        return self.filter(status__in=_WORKED)

    def payable(self) -> Self:
        """Confirmed and not yet settled: what a pay batch may claim."""
        return self.filter(status="confirmed")

    def planned_within(self, driver_id: int, at: datetime, *, ahead: timedelta) -> Self:
        """A driver's plans that are not over and begin by then, the next one first."""
        planned = self.filter(driver_id=driver_id, status="scheduled", planned_ends_at__gt=at)
        return planned.filter(planned_starts_at__lte=at + ahead).order_by("planned_starts_at")

    def with_parts(self) -> Self:
        """With stints (and their cars) and breaks, in two further queries."""
        stint: Any = self.model._meta.get_field("stints").related_model
        stints = stint._default_manager.select_related("assignment")
        return self.prefetch_related(Prefetch("stints", stints), "breaks")

    def for_review(self) -> Self:
        return self.filter(marked_for_review=True, status__in=("auto_closed", "ended"))

    def of_user(self, user_id: int) -> Self:
        """The shifts of a person's own driver records."""
        return self.filter(driver__user_id=user_id)


class StintQuerySet(PeriodQuerySet[M]):
    def of_shifts(self, shift_ids: Iterable[int]) -> Self:
        return self.filter(shift_id__in=shift_ids)


class ProposalQuerySet(PeriodQuerySet[M]):
    def waiting(self) -> Self:
        return self.filter(state="proposed")

    def standing(self) -> Self:
        """What has been said about a car's time; withdrawn ones say nothing any more."""
        return self.exclude(state="withdrawn")

    def without_driver(self) -> Self:
        return self.filter(driver__isnull=True)


class PlatformDriverQuerySet(PeriodQuerySet[M]):
    pass


class PlatformEntryQuerySet(ProviderQuerySet[M]):
    def income(self) -> Self:
        """What was earned; cash_collected only says where some of it is."""
        return self.exclude(kind="cash_collected")

    def unattached(self) -> Self:
        return self.filter(shift__isnull=True)
