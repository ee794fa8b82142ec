"""Storing a chunk's outcome: payments, their events and lines, each by one statement."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from payments.calculation.payslip import Line, Payslip
from payments.calculation.scope import Run
from payments.models import OPEN, PAYMENT_MACHINE
from payments.services.ledger import copy_rows, next_ids
from voltop.ids import uuid7
from voltop.money import from_minor


@dataclass(frozen=True, slots=True)
class Slot:
    """A driver's payment in the batch: an old row to be calculated again, or an id to come."""

    id: int
    driver_id: int
    status: str
    payable: Decimal | None


def slots_for(run: Run, drivers: Sequence[int]) -> list[Slot]:
    """Each driver's payment in this batch, in the order of the drivers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT driver_id, id, status, payable_amount FROM payments_payment"
            " WHERE batch_id = %s AND driver_id = ANY(%s)",
            [run.batch.pk, list(drivers)],
        )
        known = {row[0]: Slot(row[1], row[0], row[2], row[3]) for row in cursor.fetchall()}
    fresh = iter(next_ids("payments_payment", len(drivers) - len(known)))
    return [known.get(d) or Slot(next(fresh), d, "", None) for d in drivers]


UPSERT = """
INSERT INTO payments_payment (provider_id, batch_id, run_type, period_starts_on, period_ends_on,
    currency, calculation, calculated_at, id, driver_id, uuid, status, earnings_amount,
    reimbursements_amount, cash_amount, deductions_amount, net_amount, carried_amount,
    payable_amount, previous_payable_amount, exceptions, basis, flags)
SELECT %s, %s, %s, %s::date, %s::date, %s, %s, %s::timestamptz, n.*, '[]'::jsonb
FROM unnest(%s::bigint[], %s::bigint[], %s::uuid[], %s::varchar[], %s::numeric[], %s::numeric[],
    %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[],
    %s::jsonb[], %s::bigint[]) AS n
ON CONFLICT (batch_id, driver_id) DO UPDATE SET
    status = excluded.status, calculation = excluded.calculation,
    calculated_at = excluded.calculated_at, earnings_amount = excluded.earnings_amount,
    reimbursements_amount = excluded.reimbursements_amount, cash_amount = excluded.cash_amount,
    deductions_amount = excluded.deductions_amount, net_amount = excluded.net_amount,
    carried_amount = excluded.carried_amount, payable_amount = excluded.payable_amount,
    previous_payable_amount = excluded.previous_payable_amount,
    exceptions = excluded.exceptions, basis = excluded.basis, flags = excluded.flags
"""


def write(
    run: Run,
    slots: Sequence[Slot],
    payslips: Mapping[int, Payslip],
    actor: str,
    *,
    basis: Mapping[int, int],
) -> None:
    """Store the payslips of these slots, with the moves that lead there; `basis` by driver."""
    rows, events = [], []
    for slot in slots:
        slip = payslips[slot.driver_id]
        status = _status(slot, slip)
        rows.append((*_payment_row(run, slot, slip, status), basis.get(slot.driver_id, 0)))
        events += [(slot.id, *move) for move in _moves(slot.status, status)]
    _upsert(run, rows)
    at, provider = run.at, run.batch.provider_id
    copy_rows(
        "payments_paymentevent",
        "provider_id payment_id from_state to_state actor at reason".split(),
        "int8 int8 varchar varchar varchar timestamptz varchar".split(),
        ((provider, payment, before, after, actor, at, "") for payment, before, after in events),
    )
    copy_lines(run, [(slot.id, payslips[slot.driver_id].lines) for slot in slots])


def _status(slot: Slot, slip: Payslip) -> str:
    """Ready or exception; what somebody held stays held."""
    if slip.exceptions:
        return "exception"
    return "held" if slot.status == "held" else "ready"


def _moves(before: str, after: str) -> list[tuple[str, str]]:
    """The moves of a calculation: to draft first, then to its outcome."""
    if before and before not in OPEN:
        raise RuntimeError(f"a payment that is {before} is not calculated again")
    moves = [(before, "draft")] if before != "draft" else []
    moves.append(("draft", after))
    for source, target in moves:
        if source and not PAYMENT_MACHINE.allows(source, target):
            raise RuntimeError(f"no move from {source} to {target}")
    return moves


def _payment_row(run: Run, slot: Slot, slip: Payslip, status: str) -> tuple[Any, ...]:
    currency, outcome = run.batch.currency, slip.settlement
    amounts = (
        slip.earnings,
        slip.reimbursements,
        slip.cash,
        slip.deductions,
        outcome.net,
        outcome.carried,
        outcome.payable,
    )
    return (
        slot.id,
        slot.driver_id,
        uuid7(),
        status,
        *(from_minor(amount, currency) for amount in amounts),
        slot.payable,
        json.dumps(slip.exceptions),
    )


def _upsert(run: Run, rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    batch = run.batch
    fixed: list[Any] = [
        batch.provider_id,
        batch.pk,
        batch.run_type,
        batch.period_starts_on,
        batch.period_ends_on,
        batch.currency,
        batch.calculation,
        run.at,
    ]
    with connection.cursor() as cursor:
        cursor.execute(UPSERT, [*fixed, *(list(column) for column in zip(*rows, strict=True))])


def copy_lines(run: Run, lines: Iterable[tuple[int, Sequence[Line]]]) -> None:
    """Write all lines of a chunk."""
    currency, provider = run.batch.currency, run.batch.provider_id
    copy_rows(
        "payments_paymentline",
        (
            "provider_id payment_id position category key terms_id window_starts_on"
            " window_ends_on quantity unit rate paid_before_amount amount currency adjustment_id"
            " carried_from_id evidence"
        ).split(),
        (
            "int8 int8 int2 varchar varchar int8 date date int8 varchar varchar numeric numeric"
            " varchar int8 int8 jsonb"
        ).split(),
        (
            (
                provider,
                payment,
                position,
                line.category,
                line.key,
                line.terms_id,
                *(line.window or (None, None)),
                line.quantity,
                line.unit,
                line.rate,
                from_minor(line.paid_before, currency),
                from_minor(line.amount, currency),
                currency,
                line.adjustment_id,
                line.carried_from_id,
                line.evidence,
            )
            for payment, found in lines
            for position, line in enumerate(found, 1)
        ),
    )
