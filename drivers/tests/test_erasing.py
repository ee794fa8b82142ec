"""Erasing leavers: by a person in the admin, and by itself when the company's term is over."""

from datetime import timedelta

import pytest
from django.test import Client

from drivers import services
from drivers.errors import NotConfirmed
from drivers.models import Driver
from drivers.services import erasure_terms
from drivers.services.erasure import is_erased
from fleets import services as fleet_services
from fleets.errors import FreshSecondFactorRequired, PolicyOutOfRange
from fleets.middleware import SHOWN_KEY
from fleets.models import AuditEntry, FleetPolicy, InboxItem, User
from fleets.services import change_policy
from fleets.services.inbox import refresh
from fleets.tests.logins import Api, code_in, post_out
from voltop import clock, registry
from voltop.context import Actor
from voltop.tests.cast import PASSWORD, Cast

LAW = 6 * 365 + 2  # Mexico


def gone(cast: Cast, *, days: int = 0, name: str = "Left") -> Driver:
    driver = cast.new_driver(name, cast.a)
    at = clock.now() - timedelta(days=days)
    services.leave_driver(driver, actor=cast.actor(), reason="moves away", at=at)
    return services.terminate_driver(driver, actor=cast.actor(), reason="moved away", at=at)


def browser(user, *, minutes_ago: int | None = 0) -> Client:
    """Logged in; the second factor was shown so long ago, or never."""
    client = Client()
    assert client.login(username=user.email, password=PASSWORD)
    if minutes_ago is not None:
        session = client.session
        shown_at = clock.now() - timedelta(minutes=minutes_ago)
        session[SHOWN_KEY] = shown_at.isoformat()
        session.save()
    return client


def page_of(driver: Driver) -> str:
    return f"/admin/drivers/driver/{driver.pk}/erase/"


# --- The log-in ----------------------------------------------------------------------------------
def erased(driver: Driver, cast: Cast) -> User:
    """Erase them; the log-in that they had."""
    services.erase_driver(driver, actor=cast.actor(), reason="asked")
    return User.objects.get(pk=driver.user_id)


def listed_elsewhere(driver: Driver, cast: Cast) -> Driver:
    """As the other company's staff may do by themselves, with the address that they know."""
    actor = cast.actor(cast.b)
    email = driver.user.email
    made = services.invite_driver(
        cast.b, actor=actor, given_name="Typed", family_name="There", email=email
    )
    return services.onboard_driver(made, actor=actor)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("where", ["record", "membership", "both"])
def test_an_invitation_elsewhere_keeps_no_log_in_alive_and_stays_open_for_the_address(cast, where):
    driver = gone(cast)
    email = driver.user.email
    record = listed_elsewhere(driver, cast) if where != "membership" else None
    member = (
        fleet_services.invite_member(
            cast.b, actor=cast.actor(cast.b), email=email, full_name="Typed There", role="support"
        )
        if where != "record"
        else None
    )
    post_out()
    before = erased(driver, cast)
    assert (before.is_active, before.full_name) == (False, "")
    assert before.email == f"erased-{before.pk}@voltop.invalid"
    new = User.objects.get(email=email)
    assert (new.full_name, new.phone, new.has_usable_password()) == ("Typed There", None, False)
    assert new.is_staff == (member is not None)
    for row in filter(None, (record, member)):
        row.refresh_from_db()
        assert (row.user_id, row.joined_at) == (new.pk, None)
    code = code_in(post_out()[-1].body)
    body = {"code": code, "new_password": PASSWORD}
    assert Api().post("auth/invitation", body).status_code == 200
    for row in filter(None, (record, member)):
        row.refresh_from_db()
        assert row.joined_at is not None


def test_who_drives_elsewhere_keeps_the_log_in(cast):
    driver = gone(cast)
    there = listed_elsewhere(driver, cast)
    services.join_driver(there, actor=Actor("user", there.user_id, cast.b.pk))
    assert erased(driver, cast).is_active
    there.refresh_from_db()
    assert there.user_id == driver.user_id


def test_an_invitation_that_was_taken_back_is_not_sent_again(cast):
    driver = gone(cast)
    email = driver.user.email
    there = listed_elsewhere(driver, cast)
    services.terminate_driver(there, actor=cast.actor(cast.b), reason="a mistake")
    assert not erased(driver, cast).is_active
    assert not User.objects.filter(email=email).exists()


# --- By hand -------------------------------------------------------------------------------------
def test_an_owner_erases_with_name_reason_and_a_second_factor(cast):
    driver = gone(cast)
    client, told = browser(cast.owner), {"name": f" {driver.name.upper()} ", "reason": "asked"}
    shown = client.get(page_of(driver)).content.decode()
    assert "Nobody can bring them back" in shown
    assert (
        page_of(driver) in client.get(page_of(driver).replace("erase", "change")).content.decode()
    )
    answer = client.post(page_of(driver), told)
    assert answer.status_code == 302
    driver.refresh_from_db()
    assert (driver.given_name, is_erased(driver)) == ("Erased", True)
    entry = AuditEntry.objects.get(action="driver.erased")
    assert (entry.actor, entry.reason) == (f"user:{cast.owner.pk}", "asked")
    assert "Erase for good" not in client.get(page_of(driver)).content.decode()


@pytest.mark.parametrize("minutes_ago", [None, 20])
def test_without_a_fresh_second_factor_nothing_is_erased(cast, minutes_ago):
    driver = gone(cast)
    client = browser(cast.owner, minutes_ago=minutes_ago)
    answer = client.post(page_of(driver), {"name": driver.name, "reason": "asked"})
    assert answer.status_code == 400
    assert str(FreshSecondFactorRequired.message) in answer.content.decode()
    assert not is_erased(driver)


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"name": "Somebody Else", "reason": "asked"}, "name"),
        ({"name": "", "reason": "asked"}, "name"),
        ({"name": "Left Driver", "reason": "  "}, "reason"),
    ],
)
def test_a_slip_erases_nobody(cast, told, field):
    driver = gone(cast)
    answer = browser(cast.owner).post(page_of(driver), told)
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) in ([field], ["name", "reason"])
    assert not is_erased(driver)


def test_whoever_still_drives_is_not_erased_and_the_page_says_so_instead_of_asking(cast):
    client = browser(cast.owner)
    shown = client.get(page_of(cast.driver))
    answer = client.post(page_of(cast.driver), {"name": cast.driver.name, "reason": "asked"})
    assert (shown.status_code, answer.status_code) == (200, 400)
    for page in (shown, answer):
        told = page.content.decode()
        assert "Only somebody who has left for good can be erased. State: active." in told
        assert 'name="reason"' not in told
    assert not is_erased(cast.driver)


def test_where_something_is_open_the_page_says_what(cast, monkeypatch):
    driver = gone(cast)
    client = browser(cast.owner)
    assert 'name="reason"' in client.get(page_of(driver)).content.decode()
    owed = {"code": "balance_open", "count": 1, "overridable": True}
    blockers = registry._points[registry.DRIVER_BLOCKERS]
    monkeypatch.setitem(blockers, "payments", lambda driver: [owed])
    shown = client.get(page_of(driver)).content.decode()
    assert "settle that first. balance_open: 1" in shown
    assert 'name="reason"' not in shown


def test_only_owners_and_only_their_own(cast):
    driver = gone(cast)
    assert browser(cast.manager).get(page_of(driver)).status_code == 403
    assert browser(cast.manager).post(page_of(driver), {}).status_code == 403
    assert browser(cast.owner).get("/admin/drivers/driver/999999999/erase/").status_code == 404
    foreign = cast.new_driver("Foreign", cast.b)
    assert browser(cast.owner).get(page_of(foreign)).status_code == 404


def test_the_service_asks_for_the_same(cast):
    driver = gone(cast)
    actor = cast.actor()
    with pytest.raises(FreshSecondFactorRequired):
        services.erase_by_hand(driver, actor=actor, reason="asked", name=driver.name)
    shown = cast.owner.actor()
    shown = type(shown)("user", shown.id, cast.a.pk, second_factor_at=clock.now())
    with pytest.raises(NotConfirmed):
        services.erase_by_hand(driver, actor=shown, reason="asked", name="Left?")


# --- By itself -----------------------------------------------------------------------------------
def keep_for(cast: Cast, days: int | None) -> None:
    change_policy(cast.a, actor=cast.actor(), values={"driver_erasure_days": days})


def tell(driver: Driver, *, days_ago: int) -> None:
    refresh(at=clock.now())
    told = InboxItem.objects.filter(kind=erasure_terms.WORK, object_id=driver.pk)
    told.update(created_at=clock.now() - timedelta(days=days_ago))


def test_the_term_is_whole_and_no_shorter_than_the_law(cast):
    for days in (0, 30, LAW - 1):
        with pytest.raises(PolicyOutOfRange):
            keep_for(cast, days)
    keep_for(cast, LAW)
    assert FleetPolicy.objects.get(provider=cast.a).driver_erasure_days == LAW
    keep_for(cast, None)


def test_the_api_takes_and_shows_it(cast, api):
    client = api(cast.owner)
    path = f"/api/v1/policies/{cast.a.policy.pk}"
    short = client.patch(path, {"driver_erasure_days": 30}, format="json")
    assert (short.status_code, short.json()["code"]) == (400, "policy_out_of_range")
    taken = client.patch(path, {"driver_erasure_days": LAW}, format="json")
    assert taken.json()["driver_erasure_days"] == LAW


def test_who_left_long_ago_is_announced_then_erased(cast):
    keep_for(cast, LAW)
    driver, later = gone(cast, days=LAW + 1), gone(cast, days=LAW - 10, name="Later")
    recent = gone(cast, days=LAW - 20, name="Recent")
    assert services.erase_due() == 0  # nobody was told of them
    refresh(at=clock.now())
    told = InboxItem.objects.filter(kind=erasure_terms.WORK).values_list("object_id", flat=True)
    assert sorted(told) == [driver.pk, later.pk]
    assert services.erase_due() == 0  # or not for long enough
    for each in (driver, later):
        tell(each, days_ago=8)
    assert services.erase_due() == 1
    assert [is_erased(each) for each in (driver, later, recent)] == [True, False, False]
    assert services.erase_due() == 0
    refresh(at=clock.now())
    open_items = InboxItem.objects.filter(kind=erasure_terms.WORK, closed_at__isnull=True)
    assert [item.object_id for item in open_items] == [later.pk]


def test_without_a_term_nobody_is_erased(cast):
    keep_for(cast, LAW)
    driver = gone(cast, days=LAW + 1)
    tell(driver, days_ago=8)
    keep_for(cast, None)
    assert services.erase_due() == 0
    assert not is_erased(driver)


def test_a_term_below_the_law_is_not_followed(cast):
    FleetPolicy.objects.filter(provider=cast.a).update(driver_erasure_days=10)
    driver = gone(cast, days=LAW - 1)
    tell(driver, days_ago=8)
    assert services.erase_due() == 0


def test_somebody_with_something_open_waits(cast, monkeypatch):
    keep_for(cast, LAW)
    driver = gone(cast, days=LAW + 1)
    tell(driver, days_ago=8)
    with monkeypatch.context() as patched:
        patched.setattr(erasure_terms, "open_matters", lambda driver: [{"code": "balance_open"}])
        assert services.erase_due() == 0
    assert services.erase_due() == 1
