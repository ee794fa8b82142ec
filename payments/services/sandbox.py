"""What a fresh company for tests pays: a plan, terms, and something due that went to no bank yet.

Last week's batch of the group comes to one payment each; what becomes of it says the driver's
name (`payments.sandbox_bank`).
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from drivers.models import Driver
from fleets.models import FleetProvider
from payments.models import AdjustmentKind
from payments.services.adjustments import approve_adjustment, request_adjustment
from payments.services.funding import activate_funding_account, propose_funding_account
from payments.services.plans import create_pay_group, create_pay_plan
from payments.services.terms import offer_signed_terms
from voltop import clock
from voltop.context import Actor

WEEK = timedelta(days=7)
DUE = Decimal("100.00")
COMPONENTS: list[dict[str, Any]] = [
    {
        "key": "share",
        "rule": "income_share",
        "window": "week",
        "params": {"kinds": ["fare"], "tiers": [{"from": "0", "pct": "50"}]},
    }
]


def seed(provider: FleetProvider, asker: Actor, approver: Actor, at: datetime) -> None:
    """A weekly group and its plan, signed terms and an approved bonus for each driver; where the
    deployment has a sandbox bank, an account there to pay from."""
    today = clock.local_date(at, clock.zone(provider.time_zone))
    last_week = today - timedelta(days=today.weekday()) - WEEK
    since = last_week - 4 * WEEK
    group = create_pay_group(
        provider, actor=asker, name="Weekly", cadence="weekly", anchor_on=last_week, at=at
    )
    plan = create_pay_plan(
        provider, actor=asker, name="Half", effective_from=since, components=COMPONENTS, at=at
    )
    for driver in Driver.objects.for_provider(provider.pk).order_by("pk"):
        offer_signed_terms(
            driver,
            actor=asker,
            evidence="made for tests",
            pay_group=group,
            plan_version=plan,
            valid_from=since,
            at=at,
        )
        bonus = request_adjustment(
            driver,
            actor=asker,
            kind=AdjustmentKind.BONUS,
            amount=DUE,
            due_on=last_week,
            reason="something to be paid in tests",
            at=at,
        )
        approve_adjustment(bonus, actor=approver, at=at)
    if settings.SANDBOX_BANK_URL:
        account = propose_funding_account(
            provider,
            actor=asker,
            name="Sandbox bank",
            endpoint=settings.SANDBOX_BANK_URL,
            secret=settings.SANDBOX_BANK_TOKEN,
            at=at,
        )
        activate_funding_account(account, actor=approver, at=at)
