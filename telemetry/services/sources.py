"""Sources and their credential, devices and the vehicles they are fitted to."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from fleets import audit
from fleets.models import FleetProvider
from telemetry.errors import (
    DeviceAlreadyFitted,
    FittingEnded,
    InvalidFittingPeriod,
    SourceNameTaken,
)
from telemetry.models import DeviceFitting, SourceKind, TelemetrySource, TrackerDevice
from telemetry.selectors.sources import hash_token
from vehicles.models import Vehicle
from voltop import clock
from voltop.context import Actor
from voltop.errors import NotFound

TOKEN_PREFIX = "vtt_"  # noqa: S105
ROTATION_GRACE = timedelta(hours=24)


@transaction.atomic
def create_source(
    provider: FleetProvider | None,
    *,
    actor: Actor,
    name: str,
    kind: str = SourceKind.API,
    priority: int = 100,
    at: datetime | None = None,
) -> tuple[TelemetrySource, str]:
    """A new source and its token, which is shown this once and stored only as a hash.

    `provider` None makes a source of the platform. Raises SourceNameTaken (409).
    """
    at = at or clock.now()
    if provider is not None:
        actor.require_same_provider(provider)
    _require_free_name(provider.pk if provider else None, name)
    token = _new_token()
    source = TelemetrySource.objects.create(
        provider=provider,
        name=name,
        kind=SourceKind(kind),
        priority=priority,
        token_hash=hash_token(token),
        token_rotated_at=at,
    )
    audit.record("telemetry_source.created", source, actor=actor, at=at)
    source.refresh_from_db()
    return source, token


@transaction.atomic
def update_source(
    source: TelemetrySource,
    *,
    actor: Actor,
    name: str | None = None,
    priority: int | None = None,
    at: datetime | None = None,
) -> TelemetrySource:
    """Change a source's name or priority. Raises SourceNameTaken (409).

    A new priority counts for instants merged from now on; `rebuild_telemetry` applies it to all.
    """
    at = at or clock.now()
    _require_own(actor, source)
    source = TelemetrySource.objects.select_for_update(no_key=True).get(pk=source.pk)
    wanted = {"name": name, "priority": priority}
    changes = audit.diff(source, {k: v for k, v in wanted.items() if v is not None})
    if "name" in changes:
        _require_free_name(source.provider_id, str(name))
    if changes:
        TelemetrySource.objects.filter(pk=source.pk).update(
            **{field: after for field, (_, after) in changes.items()}
        )
        audit.record("telemetry_source.changed", source, actor=actor, at=at, changes=changes)
        source.refresh_from_db()
    return source


@transaction.atomic
def rotate_token(
    source: TelemetrySource,
    *,
    actor: Actor,
    grace: timedelta = ROTATION_GRACE,
    at: datetime | None = None,
) -> tuple[TelemetrySource, str]:
    """A new token; the present one still works for `grace` (zero: it was leaked)."""
    at = at or clock.now()
    _require_own(actor, source)
    source = TelemetrySource.objects.select_for_update(no_key=True).get(pk=source.pk)
    token = _new_token()
    TelemetrySource.objects.filter(pk=source.pk).update(
        token_hash=hash_token(token),
        previous_token_hash=source.token_hash if grace else None,
        previous_token_until=at + grace if grace else None,
        token_rotated_at=at,
    )
    audit.record("telemetry_source.token_rotated", source, actor=actor, at=at)
    source.refresh_from_db()
    return source, token


def disable_source(
    source: TelemetrySource, *, actor: Actor, at: datetime | None = None, reason: str = ""
) -> TelemetrySource:
    """Switch a source off: its samples are refused until it is enabled again."""
    at = at or clock.now()
    return _switch(source, at, "telemetry_source.disabled", actor=actor, at=at, reason=reason)


def enable_source(
    source: TelemetrySource, *, actor: Actor, at: datetime | None = None, reason: str = ""
) -> TelemetrySource:
    """Switch a source on again."""
    at = at or clock.now()
    return _switch(source, None, "telemetry_source.enabled", actor=actor, at=at, reason=reason)


@transaction.atomic
def _switch(
    source: TelemetrySource,
    disabled_at: datetime | None,
    action: str,
    *,
    actor: Actor,
    at: datetime,
    reason: str,
) -> TelemetrySource:
    _require_own(actor, source)
    moved = TelemetrySource.objects.filter(
        pk=source.pk, disabled_at__isnull=disabled_at is not None
    ).update(disabled_at=disabled_at)
    if moved:
        audit.record(action, source, actor=actor, at=at, reason=reason)
    source.refresh_from_db()
    return source


@transaction.atomic
def fit_device(
    source: TelemetrySource,
    *,
    actor: Actor,
    external_id: str,
    vehicle: Vehicle,
    starts_at: datetime,
    ends_at: datetime | None = None,
    at: datetime | None = None,
) -> DeviceFitting:
    """Put a tracker (made known if it is new) into a vehicle over [starts_at, ends_at).

    What waits in quarantine for it is taken in by the next sweep (`services.replay_quarantine`).
    Raises InvalidFittingPeriod (400), DeviceAlreadyFitted (409).
    """
    at = at or clock.now()
    _require_own(actor, source)
    actor.require_same_provider(vehicle)
    if ends_at is not None and ends_at <= starts_at:
        raise InvalidFittingPeriod(field="ends_at")
    device, _ = TrackerDevice.objects.get_or_create(
        source=source, external_id=external_id, defaults={"provider_id": vehicle.provider_id}
    )
    TrackerDevice.objects.select_for_update(no_key=True).get(pk=device.pk)
    _require_free(device, starts_at, ends_at)
    fitting = DeviceFitting.objects.create(
        provider_id=vehicle.provider_id,
        device=device,
        vehicle=vehicle,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    audit.record(
        "telemetry_device.fitted", fitting, actor=actor, at=at, changes={"vehicle": (None, vehicle)}
    )
    fitting.refresh_from_db()
    return fitting


@transaction.atomic
def take_out_device(
    fitting: DeviceFitting, *, actor: Actor, ends_at: datetime, at: datetime | None = None
) -> DeviceFitting:
    """End a running fitting; an end that has not come may be brought forward.

    Raises FittingEnded (409), InvalidFittingPeriod (400).
    """
    at = at or clock.now()
    actor.require_same_provider(fitting)
    rows = DeviceFitting.objects.unscoped().filter(pk=fitting.pk)
    fitting = rows.select_for_update(no_key=True).get()
    if ends_at <= fitting.starts_at:
        raise InvalidFittingPeriod(field="ends_at")
    before = fitting.ends_at
    if before is not None and before <= max(ends_at, at):
        raise FittingEnded()
    rows.update(ends_at=ends_at)
    audit.record(
        "telemetry_device.taken_out",
        fitting,
        actor=actor,
        at=at,
        changes={"ends_at": (before, ends_at)},
    )
    fitting.refresh_from_db()
    return fitting


@transaction.atomic
def move_trackers(vehicle_id: int, to_provider_id: int, *, actor: Actor, at: datetime) -> None:
    """A vehicle went to another company: what the giver's own sources had in it is taken out;
    trackers of platform sources stay in the car, for its new holder. May be done twice.
    """
    running = (
        DeviceFitting.objects.unscoped()
        .filter(vehicle_id=vehicle_id, ends_at__isnull=True, starts_at__lt=at)
        .exclude(provider_id=to_provider_id)
        .select_related("device__source")
        .select_for_update(no_key=True, of=("self",))
    )
    for fitting in running.order_by("pk"):
        DeviceFitting.objects.unscoped().filter(pk=fitting.pk).update(ends_at=at)
        if fitting.device.source.provider_id is None:
            TrackerDevice.objects.unscoped().filter(pk=fitting.device_id).update(
                provider_id=to_provider_id
            )
            DeviceFitting.objects.create(
                provider_id=to_provider_id,
                device_id=fitting.device_id,
                vehicle_id=vehicle_id,
                starts_at=at,
            )


def _require_own(actor: Actor, source: TelemetrySource) -> None:
    """A platform source is for the platform alone: a company that could fit a device of it would
    draw another's data to itself. Raises NotFound.
    """
    if actor.provider_id not in (None, source.provider_id):
        raise NotFound()


def _new_token() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def _require_free_name(provider_id: int | None, name: str) -> None:
    same = TelemetrySource.objects.unscoped().filter(provider_id=provider_id, name=name)
    if same.exists():
        raise SourceNameTaken(field="name")


def _require_free(device: TrackerDevice, starts_at: datetime, ends_at: datetime | None) -> None:
    """Named error for what the exclusion constraint would refuse; the device row is locked."""
    others = DeviceFitting.objects.unscoped().filter(device=device)
    others = others.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=starts_at))
    if ends_at is not None:
        others = others.filter(starts_at__lt=ends_at)
    if blocker := others.first():
        raise DeviceAlreadyFitted(
            vehicle=blocker.vehicle_id, starts_at=blocker.starts_at.isoformat()
        )
