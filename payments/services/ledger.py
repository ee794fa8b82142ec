"""Posting to the ledger, in bulk: accounts on demand, entries, all their postings by one COPY.

The database checks every rule of double entry itself (see the migration with the guards); this
module only writes. Callers stand in a transaction and make an event's key unique.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from payments.models import Account
from payments.models.ledger import OF_DRIVERS
from voltop.context import Actor

AccountKey = tuple[str, int | None]
"""An account's kind, and the driver for kinds that a driver has."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A posting to come: debit positive."""

    account: AccountKey
    amount: Decimal
    category: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to come. `source_key` is unique at the provider for ever."""

    source_key: str
    kind: str
    booked_on: date
    legs: tuple[Leg, ...]


def transfer(debit: AccountKey, credit: AccountKey, amount: Decimal, category: str) -> list[Leg]:
    """The two legs of moving a positive amount from `credit` to `debit`."""
    return [Leg(debit, amount, category), Leg(credit, -amount, category)]


def post(
    drafts: Sequence[Draft], *, provider_id: int, currency: str, actor: Actor, at: datetime
) -> list[int]:
    """Write the entries with all their postings; their ids, in order.

    Raises IntegrityError for what the guards refuse: callers hand in balanced entries, so that is
    a programming error and not a person's.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a booking belongs to the transaction of its event")
    if not drafts:
        return []
    accounts = accounts_for(provider_id, currency, {leg.account for d in drafts for leg in d.legs})
    ids = next_ids("payments_entry", len(drafts))
    copy_rows(
        "payments_entry",
        "id provider_id source_key kind booked_on at currency legs actor".split(),
        "int8 int8 varchar varchar date timestamptz varchar int2 varchar".split(),
        (
            (i, provider_id, d.source_key, str(d.kind), d.booked_on, at, currency, len(d.legs),
             str(actor))
            for i, d in zip(ids, drafts, strict=True)
        ),
    )  # fmt: skip
    copy_rows(
        "payments_posting",
        "provider_id entry_id leg account_id amount currency category".split(),
        "int8 int8 int2 int8 numeric varchar varchar".split(),
        (
            (provider_id, i, n, accounts[leg.account], leg.amount, currency, leg.category)
            for i, d in zip(ids, drafts, strict=True)
            for n, leg in enumerate(d.legs, 1)
        ),
    )
    return ids


def accounts_for(
    provider_id: int, currency: str, keys: Iterable[AccountKey]
) -> dict[AccountKey, int]:
    """The ids of these accounts, opened where they are missing."""
    wanted = sorted({(str(kind), driver_id) for kind, driver_id in keys}, key=str)
    for kind, driver_id in wanted:
        if (kind in OF_DRIVERS) != (driver_id is not None):
            raise ValueError(f"{kind} is no account of driver {driver_id}")
    with connection.cursor() as cursor:
        kinds, drivers = [k for k, _d in wanted], [d for _k, d in wanted]
        cursor.execute(
            "INSERT INTO payments_account (provider_id, currency, kind, driver_id)"
            " SELECT %s, %s, w.kind, w.driver_id"
            " FROM unnest(%s::varchar[], %s::bigint[]) AS w(kind, driver_id)"
            " WHERE NOT EXISTS (SELECT FROM payments_account a WHERE a.provider_id = %s"
            "  AND a.currency = %s AND a.kind = w.kind"
            "  AND a.driver_id IS NOT DISTINCT FROM w.driver_id)"
            " ORDER BY w.kind, w.driver_id ON CONFLICT DO NOTHING",
            [provider_id, currency, kinds, drivers, provider_id, currency],
        )
        cursor.execute(
            "SELECT a.kind, a.driver_id, a.id FROM payments_account a"
            " WHERE a.provider_id = %s AND a.currency = %s AND a.kind = ANY(%s)"
            " AND (a.driver_id IS NULL OR a.driver_id = ANY(%s))",
            [provider_id, currency, kinds, [d for d in drivers if d is not None]],
        )
        found = {(kind, driver_id): pk for kind, driver_id, pk in cursor.fetchall()}
    return {key: found[key] for key in wanted}


def balance(account: Account) -> Decimal:
    """The sum of an account's postings, debit positive."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(amount), 0) FROM payments_posting WHERE account_id = %s",
            [account.pk],
        )
        return Decimal(cursor.fetchone()[0])


def next_ids(table: str, count: int) -> list[int]:
    """Ids taken ahead from a table's sequence, so that rows can refer to each other in a COPY."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [table, count],
        )
        return [row[0] for row in cursor.fetchall()]


def copy_rows(
    table: str, columns: Sequence[str], types: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write rows by one binary COPY: one statement, whatever their number."""
    with connection.cursor() as cursor:
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
        with cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
