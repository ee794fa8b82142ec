"""Reconciling: the bank's book read line by line and matched with our payouts.

What the bank booked is also an answer: a payout that we did not know the end of is settled by it.
What matches nothing, or has another amount, stays as an odd movement for people to look at.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from payments.gateways import Answer, Movement, Outcome, gateway_of
from payments.models import (
    BankMovement,
    FundingAccount,
    MatchStatus,
    MovementKind,
    Payout,
)
from payments.services import payouts
from voltop import clock, jobs
from voltop.context import Actor
from voltop.rings import ring

RECONCILE = "payments.reconcile"
MAX_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Report:
    """Counts over the whole account, as it stands after reading the book to its end."""

    matched: int
    wrong_amount: int
    unmatched: int
    missing: int
    doubles: int

    def as_json(self) -> dict[str, int]:
        return {
            "matched": self.matched,
            "wrong_amount": self.wrong_amount,
            "unmatched": self.unmatched,
            "missing": self.missing,
            "doubles": self.doubles,
        }


@transaction.atomic
def request_reconciliation(
    account: FundingAccount, *, actor: Actor, at: datetime | None = None
) -> jobs.Job:
    """Have a worker read the bank's book to its end; the job's result is the report."""
    actor.require_same_provider(account)
    job = jobs.queue(RECONCILE, actor=actor, params={"funding_account": account.pk}, at=at)
    ring(RECONCILE, job.pk)
    return job


def run_job(job_id: int) -> None:
    """Do a requested reconciliation; a bank that is away fails the job, nothing else."""
    job = jobs.Job.objects.get(pk=job_id)
    if job.state not in ("queued", "running"):
        return
    actor = Actor.system(RECONCILE, job.provider_id)
    jobs.start(job.pk, actor=actor)
    account = FundingAccount.objects.for_provider(job.provider_id).get(
        pk=job.params["funding_account"]
    )
    try:
        result = reconcile(account).as_json()
    except Exception as error:
        with _unless_over(job.pk) as open_job:
            if open_job:
                jobs.fail(job.pk, actor=actor, error=error)
        raise
    with _unless_over(job.pk) as open_job:
        if open_job:
            jobs.finish(job.pk, actor=actor, result=result)


@contextmanager
def _unless_over(job_id: int) -> Iterator[bool]:
    """Whether the job still runs, under its lock: a second worker may have ended it."""
    with transaction.atomic():
        job = jobs.Job.objects.select_for_update(no_key=True).get(pk=job_id)
        yield job.state == jobs.Job.State.RUNNING


def waiting() -> list[int]:
    """Requested reconciliations that are not over: for the sweep."""
    rows = jobs.Job.objects.filter(kind=RECONCILE, state__in=["queued", "running"])
    return list(rows.order_by("pk").values_list("pk", flat=True))


def reconcile(account: FundingAccount) -> Report:
    """Read on in the bank's book, match each line, settle what it settles. Raises BankUnreachable.

    Reading the same line twice changes nothing: the line's number is unique per account.
    """
    gateway = gateway_of(account)
    after: int | None = FundingAccount.objects.values_list("read_to", flat=True).get(pk=account.pk)
    for _page in range(MAX_PAGES):
        if after is None:
            break
        movements, following = gateway.movements(after)
        if movements:
            _take_in(account, movements)
        after = following
    return report(account)


def _take_in(account: FundingAccount, movements: list[Movement]) -> None:
    """Store a page of the book, then let it settle payouts, one by one."""
    keys = [m.key for m in movements]
    known = {
        str(payout.key): payout
        for payout in Payout.objects.filter(
            funding_account=account, key__in=[key for key in keys if _is_uuid(key)]
        )
    }
    with transaction.atomic():
        BankMovement.objects.bulk_create(
            [_row(account, m, known.get(m.key)) for m in movements], ignore_conflicts=True
        )
        FundingAccount.objects.filter(pk=account.pk, read_to__lt=movements[-1].seq).update(
            read_to=movements[-1].seq
        )
    touched = set()
    for movement in movements:
        payout = known.get(movement.key)
        if payout is not None and _match(movement, payout) == MatchStatus.MATCHED:
            outcome = Outcome(Answer(movement.kind), movement.bank_ref, movement.reason)
            payouts.record(payout.pk, outcome)
            touched.add(payout.payment.batch_id)
    for batch_id in sorted(touched):
        payouts.settle_batch(batch_id)


def _row(account: FundingAccount, movement: Movement, payout: Payout | None) -> BankMovement:
    return BankMovement(
        provider_id=account.provider_id,
        funding_account=account,
        seq=movement.seq,
        kind=MovementKind(movement.kind),
        key=movement.key,
        bank_ref=movement.bank_ref,
        reference=movement.reference,
        amount=movement.amount,
        currency=movement.currency,
        reason=movement.reason,
        booked_at=movement.booked_at,
        match=_match(movement, payout),
        payout=payout,
    )


def _match(movement: Movement, payout: Payout | None) -> str:
    if payout is None:
        return MatchStatus.UNMATCHED
    same = (movement.amount, movement.currency, movement.reference) == (
        payout.amount,
        payout.currency,
        payout.reference,
    )
    return MatchStatus.MATCHED if same else MatchStatus.WRONG_AMOUNT


def report(account: FundingAccount) -> Report:
    """How our payouts and the bank's book stand to each other."""
    movements = BankMovement.objects.filter(funding_account=account)
    by_match = Counter(movements.values_list("match", flat=True))
    settled = movements.filter(kind=MovementKind.SETTLED)
    confirmed = Payout.objects.filter(funding_account=account, status__in=["confirmed", "returned"])
    missing = confirmed.exclude(pk__in=settled.filter(payout__isnull=False).values("payout_id"))
    returned = movements.filter(kind=MovementKind.RETURNED)
    paid = Counter(settled.values_list("reference", flat=True))
    paid.subtract(Counter(returned.values_list("reference", flat=True)))
    return Report(
        matched=by_match[MatchStatus.MATCHED],
        wrong_amount=by_match[MatchStatus.WRONG_AMOUNT],
        unmatched=by_match[MatchStatus.UNMATCHED],
        missing=missing.count(),
        doubles=sum(1 for count in paid.values() if count > 1),
    )


def daily(*, at: datetime | None = None) -> int:
    """Reconcile every active account once a day; how many were begun."""
    day = (at or clock.now()).date().isoformat()
    begun = 0
    with jobs.apart(f"{RECONCILE}.daily", at=at) as pieces:
        for account in FundingAccount.objects.unscoped().filter(status="active").order_by("pk"):
            actor = Actor.system(RECONCILE, account.provider_id)
            with pieces.of(account.provider_id), transaction.atomic():
                if jobs.claim_run(RECONCILE, f"{account.pk}:{day}", account.provider_id):
                    request_reconciliation(account, actor=actor)
                    begun += 1
    return begun


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
