"""Debts: above one limit the driver is told, above another they start no shift."""

from decimal import Decimal

import pytest

from fleets import services as fleets
from fleets.errors import PolicyOutOfRange
from fleets.models import Notice
from payments.tests.scene import NEXT_MONDAY, NOW, WEEK, Scene
from shifts import gates, services
from shifts.errors import StartRefused
from voltop import clock

pytestmark = pytest.mark.django_db
D = Decimal


def limit(scene: Scene, **values: Decimal | None) -> None:
    fleets.change_policy(scene.cast.a, actor=scene.cast.actor(), values=values)


def owes_300(scene: Scene) -> None:
    """500 earned, 800 in cash."""
    driver = scene.cast.driver
    scene.terms(driver)
    scene.shift(driver, hours="1", km="0", fares={"fare": "1000", "cash_collected": "800"})
    scene.approved()


def test_who_owes_more_than_the_limit_starts_no_shift_unless_staff_say_so(scene: Scene, cast):
    owes_300(scene)
    driver, car = cast.driver, cast.vehicle

    def codes() -> set[str]:
        return {reason.code for reason in gates.refusals(driver, car, None, clock.now())}

    assert codes() == set()
    limit(scene, debt_block_amount=D("300"))
    assert codes() == set()
    limit(scene, debt_block_amount=D("299.99"))
    with pytest.raises(StartRefused) as refused:
        services.start_shift(driver, actor=cast.actor(), vehicle=car)
    [reason] = refused.value.extra["reasons"]
    assert reason == {
        "code": "debt_limit",
        "detail": "The driver owes the company more than its limit.",
        "overridable": True,
        "debt_amount": "300.00",
        "currency": "MXN",
    }
    shift = services.start_shift(
        driver, actor=cast.actor(), vehicle=car, override_reason="pays at noon"
    )
    assert shift.status == "active"


def test_a_driver_is_told_of_a_debt_above_the_limit_after_each_payment(scene: Scene, cast):
    limit(scene, debt_warn_amount=D("300"))
    owes_300(scene)
    assert not Notice.objects.filter(kind="payments.debt").exists()
    scene.shift(
        cast.driver, NEXT_MONDAY, hours="1", km="0", fares={"fare": "10", "cash_collected": "106"}
    )
    scene.approved(NEXT_MONDAY, at=NOW + WEEK)
    notice = Notice.objects.get(kind="payments.debt")
    assert (notice.user, notice.about_type) == (cast.driver.user, "payments.payment")
    assert notice.params == {"amount": "346.00", "currency": "MXN"}


def test_a_limit_is_not_below_nothing(scene: Scene):
    with pytest.raises(PolicyOutOfRange):
        limit(scene, debt_block_amount=D("-1"))
