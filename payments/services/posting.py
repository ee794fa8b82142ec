"""Booking an approved batch, chunk by chunk, in workers.

A chunk is one transaction: shifts are settled, adjustments applied, the payments booked to the
ledger and frozen with the evidence they rest on. A payment whose shifts changed after the approval
is held instead. Losing a worker costs one chunk; entries have unique keys, so nothing is booked
twice.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Sum

from drivers.models import Driver
from fleets.models import FleetPolicy, FleetProvider
from fleets.services.notices import notify
from payments.models import (
    ADJUSTMENT_MACHINE,
    AccountKind,
    Adjustment,
    BatchStatus,
    EntryKind,
    LineCategory,
    Payment,
    PaymentBatch,
    PaymentClaim,
    PaymentStatus,
    Posting,
)
from payments.services.batches import move_many
from payments.services.calculation import refresh_totals
from payments.services.ledger import Draft, Leg, post, transfer
from shifts.services import settle_shifts
from voltop import clock, failpoints, jobs
from voltop.context import Actor
from voltop.money import round_money
from voltop.states import Moved

CHUNK = 500

COUNTERPART = {
    LineCategory.EARNING: AccountKind.WAGES,
    LineCategory.REIMBURSEMENT: AccountKind.REIMBURSEMENTS,
    LineCategory.CASH: AccountKind.CASH_COLLECTED,
    LineCategory.RENT: AccountKind.RENT,
    LineCategory.CHARGE: AccountKind.CHARGES,
    LineCategory.ADVANCE: AccountKind.ADVANCES,
    LineCategory.CARRIED: AccountKind.DRIVER_CARRIED,
}
"""The account against which a line of each category is booked."""


def run(batch_id: int, *, chunk: int = CHUNK) -> None:
    """Book what is left of an approved batch."""
    while step(batch_id, chunk):
        pass


@transaction.atomic
def step(batch_id: int, chunk: int = CHUNK) -> bool:
    """One chunk; false once nothing is left, or while another worker has the batch."""
    rows = PaymentBatch.objects.select_for_update(no_key=True, skip_locked=True)
    batch = rows.filter(pk=batch_id, status=BatchStatus.APPROVED, posted_at__isnull=True).first()
    if batch is None:
        return False
    at = clock.now()
    actor = Actor.system("payments.post", batch.provider_id)
    if batch.job_id is not None:
        jobs.start(batch.job_id, actor=actor, at=at)
    ready = Payment.objects.select_for_update(no_key=True).filter(
        batch=batch, status=PaymentStatus.READY
    )
    payments = list(ready.order_by("pk")[:chunk])
    if not payments:
        _finish(batch, actor, at)
        return False
    _book(batch, payments, actor, at)
    if batch.job_id is not None:
        jobs.advance(batch.job_id, len(payments))
    failpoints.hit("post.before_commit")
    return True


def waiting() -> list[int]:
    """Approved batches that are not booked yet: for the sweep."""
    rows = PaymentBatch.objects.unscoped().filter(
        status=BatchStatus.APPROVED, posted_at__isnull=True
    )
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _finish(batch: PaymentBatch, actor: Actor, at: datetime) -> None:
    PaymentBatch.objects.filter(pk=batch.pk).update(posted_at=at)
    totals = refresh_totals(batch)
    if batch.job_id is not None:
        jobs.finish(batch.job_id, actor=actor, result={"batch": batch.pk, **totals}, at=at)


def _book(batch: PaymentBatch, payments: Sequence[Payment], actor: Actor, at: datetime) -> None:
    shifts = _lock_shifts([p.pk for p in payments])
    failpoints.hit("post.taken")
    changed = _changed([p.pk for p in payments])
    if changed:
        left_out = [(p.pk, p.status) for p in payments if p.pk in changed]
        reason = "changed after the approval"
        move_many(left_out, PaymentStatus.HELD, batch, actor=actor, at=at, reason=reason)
        payments = [p for p in payments if p.pk not in changed]
    ids = [p.pk for p in payments]
    if not ids:
        return
    settle_shifts([s for p in ids for s in shifts[p]], actor=actor, at=at)
    _apply_adjustments(batch, ids, actor, at)
    failpoints.hit("post.settled")
    booked_on = clock.local_date(at, clock.zone(_zone_of(batch)))
    post(
        _drafts(payments, booked_on),
        provider_id=batch.provider_id,
        currency=batch.currency,
        actor=actor,
        at=at,
    )
    failpoints.hit("post.booked")
    _freeze_evidence(batch, ids)
    _approve(batch, payments, actor, at)
    _warn_of_debts(batch, payments, at)


def _approve(batch: PaymentBatch, payments: Sequence[Payment], actor: Actor, at: datetime) -> None:
    """Ready → approved, and on to carried where nothing is paid out."""
    moved = [(p.pk, p.status) for p in payments]
    move_many(moved, PaymentStatus.APPROVED, batch, actor=actor, at=at, approved_at=at)
    nothing = [(p.pk, PaymentStatus.APPROVED.value) for p in payments if not p.payable_amount]
    if nothing:
        move_many(nothing, PaymentStatus.CARRIED, batch, actor=actor, at=at)


def _warn_of_debts(batch: PaymentBatch, payments: Sequence[Payment], at: datetime) -> None:
    """Tell drivers whose debt is now above the company's `debt_warn_amount`, once a payment."""
    policies = FleetPolicy.objects.filter(provider_id=batch.provider_id)
    limit = policies.values_list("debt_warn_amount", flat=True).get()
    if limit is None:
        return
    debts = dict(
        Posting.objects.for_provider(batch.provider_id)
        .filter(
            account__kind=AccountKind.DRIVER_CARRIED,
            account__driver_id__in=[p.driver_id for p in payments],
        )
        .values_list("account__driver_id")
        .annotate(debt=Sum("amount"))
        .filter(debt__gt=limit)
        .order_by()
    )
    drivers = Driver.objects.select_related("user").in_bulk(debts)
    for payment in payments:
        if payment.driver_id not in debts:
            continue
        amount = round_money(debts[payment.driver_id], batch.currency)
        params = {"amount": format(amount, "f"), "currency": batch.currency}
        notify(drivers[payment.driver_id].user, "payments.debt", params, about=payment, at=at)


def _lock_shifts(payments: Sequence[int]) -> dict[int, list[int]]:
    """The shifts of each payment, locked in the order of their ids."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.payment_id, s.id FROM payments_paymentclaim c"
            " JOIN shifts_shift s ON s.id = c.shift_id WHERE c.payment_id = ANY(%s)"
            " ORDER BY s.id FOR NO KEY UPDATE OF s",
            [list(payments)],
        )
        for payment, shift in cursor.fetchall():
            found[payment].append(shift)
    return found


CHANGED = """
SELECT p.id FROM payments_payment p
LEFT JOIN payments_paymentclaim c ON c.payment_id = p.id
LEFT JOIN shifts_shift s ON s.id = c.shift_id
LEFT JOIN shifts_shiftmetrics m ON m.shift_id = c.shift_id
LEFT JOIN shifts_platformentry e ON e.id = c.entry_id
WHERE p.id = ANY(%s)
GROUP BY p.id
HAVING p.basis <> coalesce(sum(
    coalesce(s.row_version, 0) + coalesce(m.row_version, 0) + coalesce(e.row_version, 0)
), 0)
"""


def _changed(payments: Sequence[int]) -> set[int]:
    """Payments that rest on something which is no longer as it was."""
    with connection.cursor() as cursor:
        cursor.execute(CHANGED, [list(payments)])
        return {row[0] for row in cursor.fetchall()}


def _apply_adjustments(
    batch: PaymentBatch, payments: Sequence[int], actor: Actor, at: datetime
) -> None:
    """Approved → applied, for all that these payments claimed."""
    claims = PaymentClaim.objects.filter(payment_id__in=payments, adjustment__isnull=False)
    ids = list(claims.values_list("adjustment_id", flat=True))
    if not ids:
        return
    if not ADJUSTMENT_MACHINE.allows("approved", "applied"):
        raise RuntimeError("adjustments cannot be applied")
    moved = Adjustment.objects.filter(pk__in=ids, status="approved").update(status="applied")
    if moved != len(ids):
        raise RuntimeError("a claimed adjustment is not approved")
    ADJUSTMENT_MACHINE.record(
        Adjustment,
        [Moved(pk, "approved", "applied") for pk in ids],
        provider_id=batch.provider_id,
        actor=actor,
        at=at,
    )


def _drafts(payments: Sequence[Payment], booked_on: date) -> list[Draft]:
    """One entry per payment, and one of its own for what is carried over."""
    sums = _sums([p.pk for p in payments])
    drafts = []
    for payment in payments:
        legs = _legs(payment.driver_id, sums[payment.pk])
        if legs:
            key = f"payment:{payment.uuid}:approved"
            drafts.append(Draft(key, EntryKind.PAYMENT_APPROVED, booked_on, tuple(legs)))
        if payment.carried_amount:
            carried = transfer(
                (AccountKind.DRIVER_CARRIED, payment.driver_id),
                (AccountKind.DRIVER, payment.driver_id),
                payment.carried_amount,
                LineCategory.CARRIED,
            )
            key = f"payment:{payment.uuid}:carried"
            drafts.append(Draft(key, EntryKind.CARRIED_OVER, booked_on, tuple(carried)))
    return drafts


def _sums(payments: Sequence[int]) -> dict[int, list[tuple[str, Decimal]]]:
    """What the lines of each payment come to by category; what cancels out is left out."""
    found: defaultdict[int, list[tuple[str, Decimal]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT payment_id, category, sum(amount) FROM payments_paymentline"
            " WHERE payment_id = ANY(%s) GROUP BY 1, 2 HAVING sum(amount) <> 0 ORDER BY 1, 2",
            [list(payments)],
        )
        for payment, category, amount in cursor.fetchall():
            found[payment].append((category, amount))
    return found


def _legs(driver_id: int, sums: Sequence[tuple[str, Decimal]]) -> list[Leg]:
    """Two legs per category: what the driver gets is credited to the driver's account."""
    legs: list[Leg] = []
    for category, amount in sums:
        kind = COUNTERPART[LineCategory(category)]
        owner = driver_id if kind == AccountKind.DRIVER_CARRIED else None
        legs.append(Leg((kind, owner), amount, category))
        legs.append(Leg((AccountKind.DRIVER, driver_id), -amount, category))
    return legs


EVIDENCE = """
INSERT INTO payments_paymentevidence (provider_id, payment_id, content, sha256)
SELECT made.provider_id, made.id, made.content,
    encode(sha256(convert_to(made.content::text, 'UTF8')), 'hex')
FROM (
    SELECT p.provider_id, p.id, jsonb_build_object(
        'shifts', coalesce((
            SELECT jsonb_agg(jsonb_build_object(
                'id', s.id, 'business_date', s.business_date, 'starts_at', s.starts_at,
                'ends_at', s.ends_at,
                'metrics', to_jsonb(m) - '{id,shift_id,provider_id,created_at,updated_at}'::text[]
            ) ORDER BY s.id)
            FROM payments_paymentclaim c JOIN shifts_shift s ON s.id = c.shift_id
            LEFT JOIN shifts_shiftmetrics m ON m.shift_id = s.id WHERE c.payment_id = p.id
        ), '[]'::jsonb),
        'entries', coalesce((
            SELECT jsonb_agg(jsonb_build_object(
                'id', e.id, 'external_id', e.external_id, 'kind', e.kind,
                'occurred_at', e.occurred_at, 'amount', e.amount::text, 'currency', e.currency
            ) ORDER BY e.id)
            FROM payments_paymentclaim c JOIN shifts_platformentry e ON e.id = c.entry_id
            WHERE c.payment_id = p.id
        ), '[]'::jsonb),
        'terms', coalesce((
            SELECT jsonb_agg(jsonb_build_object(
                'id', t.id, 'plan_version', t.plan_version_id, 'valid_from', t.valid_from,
                'valid_to', t.valid_to, 'rent_amount', t.rent_amount::text,
                'rent_per', t.rent_per, 'text_sha256', t.text_sha256,
                'accepted_at', t.accepted_at, 'accepted_how', t.accepted_how,
                'components', (
                    SELECT jsonb_agg(jsonb_build_object('key', k.key, 'rule', k.rule,
                        'window', k.window, 'params', k.params) ORDER BY k.position)
                    FROM payments_paycomponent k WHERE k.version_id = t.plan_version_id
                )
            ) ORDER BY t.valid_from)
            FROM payments_terms t WHERE t.id IN (
                SELECT l.terms_id FROM payments_paymentline l WHERE l.payment_id = p.id
            )
        ), '[]'::jsonb),
        'policy', (
            SELECT jsonb_build_object('deduction_cap_pct', f.deduction_cap_pct,
                'deduction_basis', f.deduction_basis, 'four_eyes', f.four_eyes)
            FROM fleets_fleetpolicy f WHERE f.provider_id = p.provider_id
        )
    ) AS content
    FROM payments_payment p WHERE p.id = ANY(%s)
) made
"""


def _freeze_evidence(batch: PaymentBatch, payments: Sequence[int]) -> None:
    """Copy what the payments rest on, so that it outlives samples, metrics and policies."""
    with connection.cursor() as cursor:
        cursor.execute(EVIDENCE, [list(payments)])


def _zone_of(batch: PaymentBatch) -> str:
    return FleetProvider.objects.values_list("time_zone", flat=True).get(pk=batch.provider_id)
