"""Named reads of telemetry's own tables (never of the samples: those go through selectors)."""

from datetime import datetime
from typing import Self

from django.db.models import Q

from voltop.querysets import M, ProviderQuerySet


class DeviceFittingQuerySet(ProviderQuerySet[M]):
    def touching(self, start: datetime, end: datetime) -> Self:
        """Fittings that hold at some instant of [start, end)."""
        return self.filter(starts_at__lt=end).filter(Q(ends_at__isnull=True) | Q(ends_at__gt=start))


class IntervalQuerySet(ProviderQuerySet[M]):
    """Rows with a closed period `[starts_at, ends_at]` of one vehicle."""

    def touching(self, start: datetime, end: datetime) -> Self:
        return self.filter(starts_at__lt=end, ends_at__gte=start)
