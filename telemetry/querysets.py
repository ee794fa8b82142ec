"""Named reads of telemetry's own tables (never of the samples: those go through selectors)."""

from datetime import datetime
from typing import Self

from django.db.models import Q

from voltop.querysets import M, ProviderQuerySet


class DeviceFittingQuerySet(ProviderQuerySet[M]):
    def touching(self, start: datetime, end: datetime) -> Self:
        """Fittings that hold at some instant of [start, end)."""
        return self.filter(starts_at__lt=end).filter(Q(ends_at__isnull=True) | Q(ends_at__gt=start))


class OfSourceQuerySet(ProviderQuerySet[M]):
    """What hangs on a source belongs to the source's provider; the platform's to nobody."""

    def for_provider(self, provider_id: int | None) -> Self:
        return self.none() if provider_id is None else self.filter(source__provider_id=provider_id)


class IntervalQuerySet(ProviderQuerySet[M]):
    """Rows with a closed period `[starts_at, ends_at]` of one vehicle."""

    def touching(self, start: datetime, end: datetime) -> Self:
        return self.filter(starts_at__lt=end, ends_at__gte=start)
