"""Accounts at ride platforms, and whose an id there is."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from drivers.models import Driver
from fleets import audit
from fleets.models import FleetProvider
from shifts.errors import (
    InvalidPlatformPeriod,
    PlatformAccountExists,
    PlatformDriverEnded,
    PlatformDriverTaken,
)
from shifts.models import PlatformAccount, PlatformDriver
from voltop import clock
from voltop.context import Actor

CHANGEABLE = {"name", "time_zone", "week_starts_on", "week_starts_hour"}


@transaction.atomic
def create_platform_account(
    provider: FleetProvider,
    *,
    actor: Actor,
    platform: str,
    name: str,
    time_zone: str = "",
    week_starts_on: int = 0,
    week_starts_hour: int = 0,
    at: datetime | None = None,
) -> PlatformAccount:
    """A new account, in the company's currency and (unless said otherwise) its zone.

    Raises PlatformAccountExists (409), UnknownTimezone (400).
    """
    at = at or clock.now()
    actor.require_same_provider(provider)
    clock.zone(time_zone or provider.time_zone)
    FleetProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
    _require_free_name(provider.pk, name)
    account = PlatformAccount.objects.create(
        provider=provider,
        platform=platform,
        name=name,
        currency=provider.currency,
        time_zone=time_zone or provider.time_zone,
        week_starts_on=week_starts_on,
        week_starts_hour=week_starts_hour,
    )
    audit.record("platform_account.created", account, actor=actor, at=at)
    account.refresh_from_db()
    return account


@transaction.atomic
def update_platform_account(
    account: PlatformAccount, *, actor: Actor, at: datetime | None = None, **values: Any
) -> PlatformAccount:
    """Change an account's name, zone or week. Raises PlatformAccountExists, UnknownTimezone."""
    at = at or clock.now()
    actor.require_same_provider(account)
    if unknown := values.keys() - CHANGEABLE:
        raise TypeError(f"not changeable: {sorted(unknown)}")
    if "time_zone" in values:
        clock.zone(values["time_zone"])
    FleetProvider.objects.select_for_update(no_key=True).get(pk=account.provider_id)
    if "name" in values:
        _require_free_name(account.provider_id, values["name"], but=account.pk)
    account.refresh_from_db()
    if changes := audit.diff(account, values):
        PlatformAccount.objects.filter(pk=account.pk).update(**values)
        audit.record("platform_account.changed", account, actor=actor, at=at, changes=changes)
        account.refresh_from_db()
    return account


@transaction.atomic
def give_platform_id(
    account: PlatformAccount,
    driver: Driver,
    *,
    actor: Actor,
    external_id: str,
    starts_at: datetime,
    ends_at: datetime | None = None,
    at: datetime | None = None,
) -> PlatformDriver:
    """From `starts_at` on, the platform's driver id stands for this driver.

    Raises PlatformDriverTaken (409), InvalidPlatformPeriod (400).
    """
    at = at or clock.now()
    actor.require_same_provider(account, driver)
    if ends_at is not None and ends_at <= starts_at:
        raise InvalidPlatformPeriod(field="ends_at")
    PlatformAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
    same = PlatformDriver.objects.filter(account=account, external_id=external_id)
    same = same.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=starts_at))
    if ends_at is not None:
        same = same.filter(starts_at__lt=ends_at)
    if other := same.first():
        raise PlatformDriverTaken(driver=other.driver_id)
    known = PlatformDriver.objects.create(
        provider_id=account.provider_id,
        account=account,
        external_id=external_id,
        driver=driver,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    changes = {"driver": (None, driver.pk), "starts_at": (None, starts_at)}
    audit.record("platform_driver.given", known, actor=actor, at=at, changes=changes)
    known.refresh_from_db()
    return known


@transaction.atomic
def take_platform_id(
    known: PlatformDriver, *, actor: Actor, ends_at: datetime, at: datetime | None = None
) -> PlatformDriver:
    """The id no longer stands for the driver from `ends_at` on.

    An end that has not come may be brought forward.
    Raises InvalidPlatformPeriod (400), PlatformDriverEnded (409).
    """
    at = at or clock.now()
    actor.require_same_provider(known)
    known = PlatformDriver.objects.select_for_update(no_key=True).get(pk=known.pk)
    if ends_at <= known.starts_at:
        raise InvalidPlatformPeriod(field="ends_at")
    before = known.ends_at
    if before is not None and before <= max(ends_at, at):
        raise PlatformDriverEnded()
    PlatformDriver.objects.filter(pk=known.pk).update(ends_at=ends_at)
    changes = {"ends_at": (before, ends_at)}
    audit.record("platform_driver.taken", known, actor=actor, at=at, changes=changes)
    known.refresh_from_db()
    return known


def _require_free_name(provider_id: int, name: str, *, but: int | None = None) -> None:
    same = PlatformAccount.objects.filter(provider_id=provider_id, name=name)
    if same.exclude(pk__in=[but] if but else []).exists():
        raise PlatformAccountExists(field="name")
