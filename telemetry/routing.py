"""Whose a sample is: from a device to a vehicle, and whether the source may speak for it then.

Asked of the fitting and of the tenure *at the sample's time*: a tracker that changed cars, or a car
that changed companies, keeps each sample where it belongs. One query a batch (and one for its
devices) where nothing is doubtful, two more where something is; none a sample.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from fleets.models import FleetPolicy
from telemetry.errors import PastRetention, UnknownVehicle
from telemetry.models import DeviceFitting, TelemetrySource
from telemetry.samples import Sample
from vehicles.selectors import held_throughout, tenure_intervals
from voltop.errors import DomainError

_FOREVER = datetime.max.replace(tzinfo=UTC)
_EPSILON = timedelta(microseconds=1)


class Unfitted(NamedTuple):
    """A device that is in no vehicle at the sample's time."""

    device: str


class _Interval(NamedTuple):
    starts_at: datetime
    ends_at: datetime
    value: int


class Router:
    """Answers `vehicle_of` for the samples of one batch of one source."""

    def __init__(self, source: TelemetrySource, samples: Sequence[Sample], *, at: datetime) -> None:
        self._source = source
        self._fittings: dict[str, list[_Interval]] = {}
        self._tenures: dict[int, list[_Interval]] = {}
        self._whole: set[int] = set()
        self._always: dict[str, int] = {}
        self._oldest: dict[int, datetime] = {}
        self._kept_days: dict[int, int] = {}
        if not samples:
            return
        times = [sample.recorded_at for sample in samples]
        self._start, self._end = min(times), max(times) + _EPSILON
        devices = {sample.device for sample in samples if sample.device is not None}
        if devices:
            self._load_fittings(devices)
        vehicles = {sample.vehicle for sample in samples if sample.vehicle is not None}
        vehicles |= {fit.value for fits in self._fittings.values() for fit in fits}
        self._load_tenures(vehicles, at)

    def plain(self, samples: Sequence[Sample]) -> list[int] | None:
        """The vehicle of each sample, where nothing but yes can be the answer to all of them."""
        found = [sample.vehicle or self._always.get(sample.device or "") for sample in samples]
        return found if self._whole.issuperset(found) else None  # type: ignore[return-value]

    def vehicle_of(self, sample: Sample) -> int | Unfitted | DomainError:
        """The vehicle's id, or why there is none."""
        vehicle_id = sample.vehicle
        if vehicle_id is None:
            device: Final = sample.device or ""
            if (always := self._always.get(device)) is not None:
                return always
            fitted = _holding(self._fittings.get(device, ()), sample.recorded_at)
            if fitted is None:
                return Unfitted(device)
            vehicle_id = fitted
        if vehicle_id in self._whole:
            return vehicle_id
        provider_id = _holding(self._tenures.get(vehicle_id, ()), sample.recorded_at)
        if provider_id is None or self._source.provider_id not in (None, provider_id):
            return UnknownVehicle(field="vehicle" if sample.vehicle is not None else "device")
        oldest = self._oldest.get(provider_id)
        if oldest is not None and sample.recorded_at < oldest:
            days = self._kept_days[provider_id]
            return PastRetention(field="recorded_at", retention_days=days)
        return vehicle_id

    def _load_fittings(self, devices: Iterable[str]) -> None:
        rows = (
            DeviceFitting.objects.unscoped()
            .filter(device__source=self._source, device__external_id__in=list(devices))
            .touching(self._start, self._end)
            .values_list("device__external_id", "starts_at", "ends_at", "vehicle_id")
        )
        for device, starts_at, ends_at, vehicle_id in rows:
            interval = _Interval(starts_at, ends_at or _FOREVER, vehicle_id)
            self._fittings.setdefault(device, []).append(interval)

    def _load_tenures(self, vehicle_ids: set[int], at: datetime) -> None:
        for held in held_throughout(vehicle_ids, self._start, self._end):
            oldest = at - timedelta(days=held.retention_days or 0)
            kept = held.retention_days is None or oldest <= self._start
            if kept and self._source.provider_id in (None, held.provider_id):
                self._whole.update(held.vehicle_ids)
        if doubtful := vehicle_ids - self._whole:
            self._load_intervals(doubtful, at)
        for device, fits in self._fittings.items():
            fit = fits[0]
            whole = fit.starts_at <= self._start and self._end <= fit.ends_at
            if whole and fit.value in self._whole:
                self._always[device] = fit.value

    def _load_intervals(self, vehicle_ids: Iterable[int], at: datetime) -> None:
        for found in tenure_intervals(vehicle_ids, self._start, self._end):
            interval = _Interval(found.starts_at, found.ends_at or _FOREVER, found.provider_id)
            self._tenures.setdefault(found.vehicle_id, []).append(interval)
        providers = {i.value for intervals in self._tenures.values() for i in intervals}
        self._load_retention(providers, at)

    def _load_retention(self, providers: Iterable[int], at: datetime) -> None:
        limits = (
            FleetPolicy.objects.unscoped()
            .filter(provider__in=list(providers), telemetry_retention_days__isnull=False)
            .values_list("provider_id", "telemetry_retention_days")
        )
        self._kept_days = {provider: days for provider, days in limits if days is not None}
        self._oldest = {
            provider: at - timedelta(days=days) for provider, days in self._kept_days.items()
        }


def _holding(intervals: Iterable[_Interval], at: datetime) -> int | None:
    for interval in intervals:
        if interval.starts_at <= at < interval.ends_at:
            return interval.value
    return None
