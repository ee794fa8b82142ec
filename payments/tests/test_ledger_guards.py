"""The database refuses a crooked ledger, whoever asks: here raw SQL, as the tables' owner."""

from datetime import date
from decimal import Decimal

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from payments.models import Entry, Posting
from payments.models.ledger import AccountKind
from payments.services import ledger
from payments.services.ledger import Draft, Leg
from voltop import clock

ENTRY = (
    "INSERT INTO payments_entry (provider_id, source_key, kind, booked_on, at, currency, legs,"
    " actor) VALUES (%s, %s, 'payout_sent', '2026-11-20', now(), %s, %s, 'user:1') RETURNING id"
)
POSTINGS = (
    "INSERT INTO payments_posting (provider_id, entry_id, leg, account_id, amount, currency,"
    " category) SELECT p.*, 'test' FROM unnest(%s::bigint[], %s::bigint[], %s::smallint[],"
    " %s::bigint[], %s::numeric[], %s::text[]) AS p"
)


@pytest.fixture
def books(cast):
    """Two accounts of provider A, and one of provider B."""
    made = ledger.accounts_for(cast.a.pk, "MXN", [("wages", None), ("bank", None)])
    foreign = ledger.accounts_for(cast.b.pk, "EUR", [("bank", None)])
    cast.wages, cast.bank = made["wages", None], made["bank", None]
    cast.foreign_bank = foreign["bank", None]
    return cast


def sql(statement: str, params=()) -> list:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else []


def entry(books, key="event:1", legs=2, currency="MXN") -> int:
    return sql(ENTRY, [books.a.pk, key, currency, legs])[0][0]


def postings(*rows: tuple) -> None:
    """(provider, entry, leg, account, amount, currency) rows in one statement."""
    sql(POSTINGS, [list(column) for column in zip(*rows, strict=True)])


def refused(call) -> str:
    """The name of the guard that refused, with SQLSTATE 23514."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        call()
    cause = caught.value.__cause__
    assert isinstance(cause, psycopg.errors.CheckViolation)
    return cause.diag.constraint_name


def two(books, pk, one="10", other="-10", **changes) -> list[tuple]:
    rows = [
        {"provider": books.a.pk, "entry": pk, "leg": 1, "account": books.wages, "amount": one},
        {"provider": books.a.pk, "entry": pk, "leg": 2, "account": books.bank, "amount": other},
    ]
    for row in rows:
        row["currency"] = "MXN"
    rows[1].update(changes)
    return [tuple(row.values()) for row in rows]


def test_balanced_entry_is_booked(books):
    pk = entry(books)
    postings(*two(books, pk))
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    assert list(Posting.objects.filter(entry=pk).values_list("amount", flat=True)) == [10, -10]


@pytest.mark.parametrize(
    ("changes", "guard"),
    [
        ({"other": "-9.99"}, "ledger_balanced"),
        ({"currency": "USD"}, "ledger_one_currency"),
        ({"leg": 3}, "ledger_all_legs"),
        ({"other": "0"}, "payments_posting_not_zero"),
        ({"one": "10.001", "other": "-10.001"}, "payments_posting_whole"),
    ],
)
def test_crooked_pair_is_refused(books, changes, guard):
    assert refused(lambda: postings(*two(books, entry(books), **changes))) == guard


def test_one_leg_is_refused(books):
    assert refused(lambda: postings(two(books, entry(books))[0])) == "ledger_all_legs"
    assert refused(lambda: entry(books, legs=1)) == "ledger_two_legs"


def test_legs_must_come_in_one_statement(books):
    assert refused(lambda: postings(*two(books, entry(books, legs=4)))) == "ledger_all_legs"


def test_nothing_is_added_to_a_booked_entry_even_balanced(books):
    pk = entry(books)
    postings(*two(books, pk))
    more = [(*row[:2], row[2] + 2, *row[3:]) for row in two(books, pk)]
    assert refused(lambda: postings(*more)) == "ledger_all_legs"
    with pytest.raises(IntegrityError, match="payments_posting_leg_once"), transaction.atomic():
        postings(*two(books, pk))


def test_account_of_another_provider_is_refused(books):
    foreign = {"account": books.foreign_bank}
    assert refused(lambda: postings(*two(books, entry(books), **foreign))) == "ledger_account"
    foreign["provider"] = books.b.pk
    assert refused(lambda: postings(*two(books, entry(books), **foreign))) == "ledger_one_provider"


def test_postings_without_an_entry_are_refused(books):
    assert refused(lambda: postings(*two(books, 10**9))) == "ledger_entry_known"


def test_one_crooked_entry_refuses_the_whole_statement(books):
    def book_both() -> None:
        good, bad = entry(books, "event:1"), entry(books, "event:2")
        postings(*two(books, good), *two(books, bad, other="-11"))

    assert refused(book_both) == "ledger_balanced"
    assert not Posting.objects.exists()


def test_entry_without_postings_is_refused_at_commit(books):
    def book_nothing() -> None:
        entry(books)
        sql("SET CONSTRAINTS ALL IMMEDIATE")

    assert refused(book_nothing) == "ledger_entry_without_postings"


def test_event_is_booked_once(books):
    pk = entry(books)
    postings(*two(books, pk))
    with pytest.raises(IntegrityError, match="payments_entry_booked_once"), transaction.atomic():
        entry(books)


@pytest.mark.parametrize("table", ["payments_entry", "payments_posting"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET currency = currency",
        "UPDATE {table} SET created_at = now() WHERE id = (SELECT min(id) FROM {table})",
        "DELETE FROM {table}",
        "DELETE FROM {table} USING payments_account a WHERE a.id > 0",
        "TRUNCATE {table} CASCADE",
        "TRUNCATE payments_account CASCADE",
        "WITH gone AS (DELETE FROM {table} RETURNING 1) SELECT count(*) FROM gone",
        "INSERT INTO {table} SELECT * FROM {table} ON CONFLICT (id) DO UPDATE SET currency = 'EUR'",
    ],
)
def test_rows_are_never_changed_or_deleted(books, table, statement):
    pk = entry(books)
    postings(*two(books, pk))
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    owner = sql("SELECT tableowner = current_user FROM pg_tables WHERE tablename = %s", [table])[0][
        0
    ]
    assert owner, "the attack must run as the owner of the table"
    before = (Entry.objects.count(), Posting.objects.count())
    assert refused(lambda: sql(statement.format(table=table))) == "append_only"
    assert (Entry.objects.count(), Posting.objects.count()) == before


@pytest.mark.usefixtures("committed_db")
def test_postings_belong_to_the_transaction_of_their_entry(cast):
    made = ledger.accounts_for(cast.a.pk, "MXN", [("wages", None), ("bank", None)])
    cast.wages, cast.bank = made["wages", None], made["bank", None]
    with transaction.atomic():
        pk = entry(cast)
        postings(*two(cast, pk))
    with connection.cursor() as cursor:
        cursor.execute("SELECT txid FROM payments_entry")
        old = cursor.fetchone()[0]
    later = [(*row[:2], row[2] + 2, *row[3:]) for row in two(cast, pk)]
    assert refused(lambda: postings(*later)) == "ledger_own_transaction"

    def forge() -> None:
        """An entry that claims to be of another transaction can get no postings either."""
        sql(
            "INSERT INTO payments_entry (provider_id, source_key, kind, booked_on, at, currency,"
            " legs, actor, txid) VALUES (%s, 'event:9', 'payout_sent', '2026-11-20', now(),"
            " 'MXN', 2, 'user:1', %s)",
            [cast.a.pk, old],
        )
        forged = sql("SELECT id FROM payments_entry WHERE source_key = 'event:9'")[0][0]
        postings(*two(cast, forged))

    assert refused(forge) == "ledger_own_transaction"


@pytest.mark.usefixtures("committed_db")
def test_commit_itself_refuses_an_entry_without_postings(cast):
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        entry(cast)
    assert caught.value.__cause__.diag.constraint_name == "ledger_entry_without_postings"
    assert not Entry.objects.exists()


# --- Through the service -------------------------------------------------------------------------
def draft(key: str, *legs: Leg) -> Draft:
    return Draft(key, "payout_sent", date(2026, 11, 20), legs)


def test_service_books_many_entries_at_once(books, django_assert_num_queries):
    pay = ledger.transfer(("wages", None), ("driver", books.driver.pk), Decimal("7.50"), "earning")
    actor = books.actor()
    with django_assert_num_queries(5):
        ids = ledger.post(
            [draft(f"event:{n}", *pay) for n in range(50)],
            provider_id=books.a.pk,
            currency="MXN",
            actor=actor,
            at=clock.now(),
        )
    assert len(set(ids)) == 50
    account = books.driver.ledger_accounts.get(kind=AccountKind.DRIVER)
    assert ledger.balance(account) == Decimal("-375.00")


def test_service_opens_an_account_once(books):
    keys = [("driver", books.driver.pk), ("wages", None)]
    assert ledger.accounts_for(books.a.pk, "MXN", keys) == ledger.accounts_for(
        books.a.pk, "MXN", keys
    )


def test_account_kinds_know_whether_they_have_a_driver(books):
    with pytest.raises(ValueError, match="no account of driver"):
        ledger.accounts_for(books.a.pk, "MXN", [("driver", None)])
    with pytest.raises(ValueError, match="no account of driver"):
        ledger.accounts_for(books.a.pk, "MXN", [("bank", books.driver.pk)])
