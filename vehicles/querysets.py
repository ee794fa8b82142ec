"""Named reads of vehicles."""

from datetime import datetime
from typing import Self

from django.db.models import Q, QuerySet

from fleets.querysets import M, ProviderQuerySet


class CatalogueQuerySet(QuerySet[M]):
    """Rows that belong to nobody: every provider reads all of them."""

    def for_provider(self, provider_id: int | None) -> Self:
        return self.none() if provider_id is None else self.all()

    def unscoped(self) -> Self:
        return self.all()


class VehicleQuerySet(ProviderQuerySet[M]):
    def standing(self) -> Self:
        """All that are not retired."""
        return self.exclude(status="retired")


class PeriodQuerySet(ProviderQuerySet[M]):
    """Rows over [starts_at, ends_at); a null end is open."""

    def at(self, instant: datetime) -> Self:
        return self.filter(starts_at__lte=instant).filter(
            Q(ends_at__isnull=True) | Q(ends_at__gt=instant)
        )

    def overlapping(self, start: datetime, end: datetime | None) -> Self:
        """Rows that share an instant with [start, end); a null end is open."""
        rows = self.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=start))
        return rows if end is None else rows.filter(starts_at__lt=end)

    def open(self) -> Self:
        return self.filter(ends_at__isnull=True)


class AssignmentQuerySet(PeriodQuerySet[M]):
    """`at`, `overlapping` and `open` leave out what was called off before it began."""

    def standing(self) -> Self:
        return self.filter(cancelled_at__isnull=True)

    def at(self, instant: datetime) -> Self:
        return super().at(instant).standing()

    def overlapping(self, start: datetime, end: datetime | None) -> Self:
        return super().overlapping(start, end).standing()

    def open(self) -> Self:
        return super().open().standing()


class VehicleStateQuerySet(ProviderQuerySet[M]):
    """A state belongs where its vehicle does."""

    company = "vehicle__provider"

    def for_provider(self, provider_id: int | None) -> Self:
        return self.none() if provider_id is None else self.filter(vehicle__provider_id=provider_id)
