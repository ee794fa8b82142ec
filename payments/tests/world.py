"""What payments adds to the world of the access matrix.

Each company has a week that was approved and is being paid, and one in review.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.test import override_settings

from drivers.models import Driver
from payments import services
from payments.gateways import Movement
from payments.models import Account, Entry, PaymentBatch, Payout
from payments.services import handover, reconciliation
from payments.tests.scene import WEEK, Scene, payment_of
from voltop.tests.world import World

PAID_WEEK = date(2026, 2, 2)
BANK = "https://bank.example"


@dataclass
class Company:
    """A provider's money: `paid` is the batch under way, `review` the one in review."""

    scene: Scene
    paid: PaymentBatch
    review: PaymentBatch
    funding: Any


def build(world: World) -> None:
    with override_settings(OUTBOUND_ALLOWED=["bank.example:443"]):
        a = company(Scene(world), [world.driver, world.other_driver], "House")
        b = company(Scene(world, world.b), [world.foreign_driver], world.canary("bank"))
    of_company(world, "pay_group", lambda c: c.scene.group, a, b)
    of_company(world, "pay_plan", lambda c: c.scene.plan.plan, a, b)
    of_company(world, "pay_plan_version", lambda c: c.scene.plan, a, b)
    of_company(world, "payment_batch", lambda c: c.review, a, b)
    of_company(world, "funding_account", lambda c: c.funding, a, b)
    of_company(world, "ledger_entry", lambda c: Entry.objects.filter(
        provider=c.scene.provider).first(), a, b)  # fmt: skip
    of_company(world, "bank_movement", lambda c: c.funding.movements.first(), a, b)
    drivers = {
        "own": (a, world.driver),
        "peer": (a, world.other_driver),
        "foreign": (b, world.foreign_driver),
    }
    makers = {
        "terms": lambda c, d: d.terms.get(),
        "adjustment": lambda c, d: d.adjustments.first(),
        "payment": lambda c, d: payment_of(c.review, d),
        "approved_payment": lambda c, d: payment_of(c.paid, d),
        "payment_line": lambda c, d: payment_of(c.paid, d).lines.first(),
        "payout": lambda c, d: Payout.objects.get(payment__driver=d),
        "ledger_account": lambda c, d: Account.objects.get(driver=d, kind="driver"),
    }
    for kind, make in makers.items():
        world.put(kind, **{scope: make(c, d) for scope, (c, d) in drivers.items()})
    world.know_as("adjustment", "tolls", "T-1")


def of_company(world: World, kind: str, of: Any, a: Company, b: Company) -> None:
    world.put(kind, own=of(a), foreign=of(b))


def company(scene: Scene, drivers: list[Driver], name: str) -> Company:
    """Terms not accepted yet, a paid week, a week in review, an open request for a bonus."""
    scene.group = scene.new_group(f"{name} weekly")
    scene.plan = scene.new_plan(f"{name} plan", PLAN)
    funding = scene.funding_account(BANK, name)
    for driver in drivers:
        scene.terms(driver, accepted=False, text=f"{name} terms")
        for week in range(2):
            scene.shift(driver, PAID_WEEK + week * WEEK)
    paid = scene.approved(PAID_WEEK)
    services.pay_batch(paid, actor=scene.accountant)
    handover.run(paid.pk)
    for driver in drivers:
        services.request_adjustment(
            driver,
            actor=scene.cast.actor(scene.provider),
            kind="bonus",
            amount=Decimal("5"),
            due_on=PAID_WEEK,
            reason=f"{name} bonus",
        )
    reconciliation._take_in(funding, [stray_movement(name)])
    return Company(scene, paid, scene.calculated(PAID_WEEK + WEEK), funding)


PLAN = [
    {
        "key": "hours",
        "rule": "hourly",
        "window": "week",
        "params": {"rate": "60"},
    }
]


def stray_movement(name: str) -> Movement:
    return Movement(
        seq=1,
        kind="settled",
        key="00000000-0000-0000-0000-000000000000",
        bank_ref=name,
        reference="stranger",
        amount=Decimal("1.00"),
        currency="MXN",
        reason="",
        booked_at=datetime(2026, 2, 10, tzinfo=UTC),
    )
