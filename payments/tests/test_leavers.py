"""Who leaves for good is settled with: what is open of money stands in the way, or is set aside."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from drivers import services as drivers
from drivers.errors import DriverBlocked
from drivers.models import Driver
from fleets.models import AuditEntry
from payments import services
from payments.tests.bank import RunningBank
from payments.tests.scene import MONDAY, Scene
from payments.tests.test_payouts import deliver, handed_over
from voltop.errors import IllegalMove

pytestmark = pytest.mark.django_db


def ended_shift(scene: Scene, driver: Driver) -> None:
    scene.terms(driver)
    scene.shift(driver, status="ended")


def confirmed_shift(scene: Scene, driver: Driver) -> None:
    scene.terms(driver)
    scene.shift(driver)


def asked_for(scene: Scene, driver: Driver) -> None:
    values = {"kind": "bonus", "amount": Decimal(20), "due_on": MONDAY, "reason": "because"}
    services.request_adjustment(driver, actor=scene.accountant, **values)


def granted(scene: Scene, driver: Driver) -> None:
    scene.adjustment(driver, "bonus", "20")


def in_review(scene: Scene, driver: Driver) -> None:
    confirmed_shift(scene, driver)
    scene.calculated()


def approved(scene: Scene, driver: Driver) -> None:
    confirmed_shift(scene, driver)
    scene.approved()


def in_debt(scene: Scene, driver: Driver) -> None:
    scene.terms(driver)
    scene.shift(driver, hours="1", km="0", fares={"fare": "1000", "cash_collected": "800"})
    scene.approved()


OPEN: dict[str, tuple[Callable[[Scene, Driver], None], set[str]]] = {
    "a shift that nobody has confirmed": (ended_shift, {"work_unpaid"}),
    "a confirmed shift": (confirmed_shift, {"work_unpaid"}),
    "an adjustment asked for": (asked_for, {"adjustments_open"}),
    "an adjustment granted": (granted, {"adjustments_open"}),
    "a payment in review": (in_review, {"work_unpaid", "payments_in_review"}),
    "a payment approved": (approved, {"payments_unpaid", "balance_open"}),
    "a debt": (in_debt, {"balance_open"}),
}


def leaving(scene: Scene) -> Driver:
    return drivers.leave_driver(scene.cast.driver, actor=scene.owner, reason="moves away")


@pytest.mark.parametrize("what", OPEN)
def test_nobody_leaves_for_good_with_money_open(scene: Scene, what: str):
    make, codes = OPEN[what]
    make(scene, scene.cast.driver)
    driver = leaving(scene)
    with pytest.raises(DriverBlocked) as refused:
        drivers.terminate_driver(driver, actor=scene.owner, reason="gone", override_reason="  ")
    blockers = refused.value.extra["blockers"]
    assert {blocker["code"] for blocker in blockers} == codes
    assert all(blocker["overridable"] and blocker["count"] == 1 for blocker in blockers)
    driver.refresh_from_db()
    assert driver.status == "leaving"
    assert driver.events.last().to_state == "leaving"


def test_others_money_and_work_without_terms_hold_nobody(scene: Scene):
    approved(scene, scene.cast.other_driver)
    scene.shift(scene.cast.driver)
    driver = drivers.terminate_driver(leaving(scene), actor=scene.owner, reason="gone")
    assert driver.status == "terminated"
    assert not AuditEntry.objects.filter(action="driver.settlement_overridden").exists()


def test_what_may_be_set_aside_is_with_a_reason_that_is_kept(scene: Scene):
    approved(scene, scene.cast.driver)
    driver = drivers.terminate_driver(
        leaving(scene), actor=scene.owner, reason="gone", override_reason=" paid in cash "
    )
    assert driver.status == "terminated"
    entry = AuditEntry.objects.get(action="driver.settlement_overridden")
    assert entry.reason == "paid in cash"
    assert entry.changes == {"payments_unpaid": [1, None], "balance_open": [1, None]}
    with pytest.raises(IllegalMove):
        drivers.terminate_driver(driver, actor=scene.owner, reason="x", override_reason="y")


def test_once_the_pay_has_arrived_nothing_is_open(scene: Scene, bank: RunningBank):
    scene.funding_account(bank.url)
    scene.payable(scene.cast.driver)
    handed_over(scene)
    driver = leaving(scene)
    with pytest.raises(DriverBlocked) as refused:
        drivers.terminate_driver(driver, actor=scene.owner, reason="gone")
    codes = [blocker["code"] for blocker in refused.value.extra["blockers"]]
    assert codes == ["payments_unpaid", "payouts_under_way"]
    deliver()
    left = drivers.terminate_driver(driver, actor=scene.owner, reason="gone")
    assert left.status == "terminated"


@pytest.mark.parametrize(("role", "status"), [("owner", 200), ("manager", 403)])
def test_a_role_may_set_money_aside_another_is_refused(scene: Scene, api, role, status):
    approved(scene, scene.cast.driver)
    driver = leaving(scene)
    client = api(getattr(scene.cast, role))
    path = f"/api/v1/drivers/{driver.pk}/terminate"
    blocked = client.post(path, {"reason": "gone"}, format="json")
    assert (blocked.status_code, blocked.json()["code"]) == (409, "driver_blocked")
    body = {"reason": "gone", "override_reason": "paid in cash"}
    answer = client.post(path, body, format="json")
    assert answer.status_code == status, answer.json()
    driver.refresh_from_db()
    assert driver.status == {200: "terminated", 403: "leaving"}[status]


def test_in_the_admin_the_owner_alone_is_offered_it(scene: Scene, client):
    approved(scene, scene.cast.driver)
    driver = leaving(scene)
    page = f"/admin/drivers/driver/{driver.pk}/change/"
    words = "Terminate with money matters open"
    for role, offered in (("manager", False), ("owner", True)):
        client.force_login(getattr(scene.cast, role))
        assert (words in client.get(page).content.decode()) is offered
    action = "override_settlement__terminate_anyway"
    body = {"action": action, "_selected_action": [driver.pk], "reason": "paid in cash"}
    client.post("/admin/drivers/driver/", body)
    driver.refresh_from_db()
    assert driver.status == "terminated"
