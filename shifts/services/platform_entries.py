"""Transactions of ride platforms: taken in once each, and attached to the shift in force."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Q

from drivers.models import Driver
from shifts.errors import EntryCurrency, EntryDiffers, EntrySign
from shifts.models import (
    EntryKind,
    PlatformAccount,
    PlatformDriver,
    PlatformEntry,
    Shift,
    ShiftStint,
)
from shifts.services.metric_requests import request_metrics
from shifts.signals import entries_posted
from voltop import clock
from voltop.context import Actor
from voltop.errors import DomainError, NotFound
from voltop.money import validate_amount

NEVER_NEGATIVE = frozenset({EntryKind.FARE, EntryKind.TIP, EntryKind.CASH_COLLECTED})
NEVER_POSITIVE = frozenset({EntryKind.FEE, EntryKind.REFUND})
P = TypeVar("P", Shift, ShiftStint)
COMPARED = ("kind", "occurred_at", "posted_at", "amount", "currency", "trip_ref")


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One transaction as it is sent. `driver_id` is ours, `platform_driver` the platform's id."""

    external_id: str
    kind: str
    occurred_at: datetime
    posted_at: datetime
    amount: Decimal
    currency: str
    trip_ref: str = ""
    driver_id: int | None = None
    platform_driver: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntryResult:
    """What became of one row: created, duplicate (known with the same values) or refused."""

    outcome: str
    entry_id: int | None = None
    shift_id: int | None = None
    error: DomainError | None = None


@transaction.atomic
def post_entries(
    account: PlatformAccount,
    rows: Sequence[EntryRow],
    *,
    actor: Actor,
    at: datetime | None = None,
) -> list[EntryResult]:
    """Take in transactions, each with an answer; the same one again is a duplicate, not a row.

    An entry gets its driver by our id, else by whose the platform's id was at `occurred_at`, and
    the driver's shift in force then. One bad row never loses the good ones. Codes of refusals:
    not_found (the driver), entry_currency, entry_sign, entry_differs, those of `voltop.money`.
    """
    at = at or clock.now()
    actor.require_same_provider(account)
    PlatformAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
    people = _People(account, rows)
    known = _known(account, [row.external_id for row in rows])
    new: dict[str, PlatformEntry] = {}
    results: list[EntryResult | str] = []
    for row in rows:
        twin = known.get(row.external_id) or new.get(row.external_id)
        error = _broken(account, row, people)
        if error is not None:
            results.append(EntryResult("refused", error=error))
        elif twin is None:
            new[row.external_id] = _entry(account, row, people.driver_of(row))
            results.append(row.external_id)
        elif not _same(twin, row):
            results.append(EntryResult("refused", error=EntryDiffers(entry=twin.pk)))
        elif twin._state.adding:  # earlier in this very batch
            results.append(EntryResult("duplicate"))
        else:
            results.append(EntryResult("duplicate", twin.pk, twin.shift_id))
    _attach(list(new.values()))
    made = PlatformEntry.objects.bulk_create(new.values())
    _ask_for_metrics(made)
    if made:
        entries_posted.send(
            PlatformEntry,
            account=account,
            entry_ids=[entry.pk for entry in made],
            actor=actor,
            at=at,
        )
    return [
        EntryResult("created", new[result].pk, new[result].shift_id)
        if isinstance(result, str)
        else result
        for result in results
    ]


def attach_entries(shift: Shift) -> int:
    """Give the shift the entries of its driver that occurred in it and have no shift yet.

    One at the very end belongs to it too, unless the next shift begins there.
    """
    if shift.starts_at is None or shift.ends_at is None:
        return 0
    entries = list(
        PlatformEntry.objects.unattached()
        .select_for_update(no_key=True)
        .filter(
            driver_id=shift.driver_id,
            occurred_at__gte=shift.starts_at,
            occurred_at__lte=shift.ends_at,
        )
    )
    _attach(entries)
    PlatformEntry.objects.bulk_update(entries, ["shift", "stint", "business_date"])
    return len(entries)


class _People:
    """Who is who at an account, for a batch of rows, in two queries."""

    def __init__(self, account: PlatformAccount, rows: Sequence[EntryRow]) -> None:
        asked = {row.driver_id for row in rows if row.driver_id is not None}
        own = Driver.objects.for_provider(account.provider_id).filter(pk__in=asked)
        self.own = set(own.values_list("pk", flat=True))
        self.periods: defaultdict[str, list[PlatformDriver]] = defaultdict(list)
        names = {row.platform_driver for row in rows if row.platform_driver}
        for known in PlatformDriver.objects.filter(account=account, external_id__in=names):
            self.periods[known.external_id].append(known)

    def driver_of(self, row: EntryRow) -> int | None:
        """The driver of a row; None when the platform's id is nobody's (yet)."""
        if row.driver_id is not None:
            return row.driver_id
        for known in self.periods[row.platform_driver]:
            begun = known.starts_at <= row.occurred_at
            if begun and (known.ends_at is None or row.occurred_at < known.ends_at):
                return known.driver_id
        return None


def _known(account: PlatformAccount, external_ids: Iterable[str]) -> dict[str, PlatformEntry]:
    entries = PlatformEntry.objects.filter(account=account, external_id__in=set(external_ids))
    return {entry.external_id: entry for entry in entries}


def _broken(account: PlatformAccount, row: EntryRow, people: _People) -> DomainError | None:
    """What is wrong with a row, if anything."""
    if row.driver_id is not None and row.driver_id not in people.own:
        return NotFound(field="driver")
    if row.currency != account.currency:
        return EntryCurrency(field="amount", currency=account.currency)
    try:
        validate_amount(row.amount, row.currency)
    except DomainError as error:
        return error
    negative, positive = row.amount < 0, row.amount > 0
    if (negative and row.kind in NEVER_NEGATIVE) or (positive and row.kind in NEVER_POSITIVE):
        return EntrySign(field="amount")
    return None


def _same(entry: PlatformEntry, row: EntryRow) -> bool:
    return all(getattr(entry, name) == getattr(row, name) for name in COMPARED)


def _entry(account: PlatformAccount, row: EntryRow, driver_id: int | None) -> PlatformEntry:
    """The entry of a row, not yet stored nor attached."""
    zone = clock.zone(account.time_zone)
    return PlatformEntry(
        provider_id=account.provider_id,
        account=account,
        external_id=row.external_id,
        trip_ref=row.trip_ref,
        kind=row.kind,
        driver_id=driver_id,
        occurred_at=row.occurred_at,
        posted_at=row.posted_at,
        business_date=clock.local_date(row.occurred_at, zone),
        amount=row.amount,
        currency=row.currency,
        raw=dict(row.raw),
    )


def _attach(entries: Sequence[PlatformEntry]) -> None:
    """Set shift, stint and business date of entries whose driver was at work; stores nothing."""
    people = {entry.driver_id for entry in entries if entry.driver_id is not None}
    if not people:
        return
    first = min(entry.occurred_at for entry in entries)
    last = max(entry.occurred_at for entry in entries)
    shifts: defaultdict[int, list[Shift]] = defaultdict(list)
    begun = Shift.objects.filter(driver_id__in=people, starts_at__lte=last)
    for shift in begun.filter(Q(ends_at__isnull=True) | Q(ends_at__gte=first)):
        shifts[shift.driver_id].append(shift)
    stints: defaultdict[int, list[ShiftStint]] = defaultdict(list)
    ids = [shift.pk for found in shifts.values() for shift in found]
    for stint in ShiftStint.objects.of_shifts(ids):
        stints[stint.shift_id].append(stint)
    for entry in entries:
        at_work = _at(shifts[entry.driver_id], entry.occurred_at) if entry.driver_id else None
        if at_work is not None:
            entry.shift = at_work
            entry.stint = _at(stints[at_work.pk], entry.occurred_at)
            entry.business_date = at_work.business_date


def _at(periods: Sequence[P], at: datetime) -> P | None:
    """The one of some periods that holds an instant, else the one that ended with it.

    A fare that closes at the very instant at which a shift ends belongs to that shift.
    """
    ended = None
    for period in periods:
        begun = period.starts_at is not None and period.starts_at <= at
        if begun and (period.ends_at is None or at < period.ends_at):
            return period
        if period.ends_at == at:
            ended = period
    return ended


def _ask_for_metrics(entries: Sequence[PlatformEntry]) -> None:
    """Income has come to shifts that may be over already."""
    shifts = {entry.shift_id: entry.shift for entry in entries if entry.shift is not None}
    request_metrics([shift for shift in shifts.values() if shift.ends_at is not None])
