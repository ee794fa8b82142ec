"""How a newly invited driver gets in, by the product's own ways alone."""

import pytest

from drivers import services
from drivers.errors import DriverExists, LoginRequired
from drivers.models import Driver
from fleets.models import AuditEntry, User
from fleets.tests.logins import Api, code_in, post_out

pytestmark = pytest.mark.django_db

PASSWORD = "nora drives at night"


def invited(cast, **values) -> Driver:
    values = {"given_name": "Nora", "family_name": "Nueva", "email": "nora@x.example"} | values
    return services.invite_driver(cast.a, actor=cast.actor(), **values)


def accept(code: str) -> Api:
    body = {"code": code, "new_password": PASSWORD, "device": {"id": "noras-own-phone-1"}}
    answer = Api().post("auth/invitation", body)
    assert answer.status_code == 200, answer.content
    return Api(answer.json()["access_token"])


def test_an_invited_driver_sets_a_password_and_is_onboarding(cast):
    driver = invited(cast)
    api = accept(code_in(post_out()[-1].body))
    driver.refresh_from_db()
    assert driver.status == "onboarding"
    last = driver.events.order_by("id").last()
    assert (last.to_state, last.actor) == ("onboarding", f"user:{driver.user_id}")
    [company] = api.get("auth/me").json()["providers"]
    assert (company["id"], company["roles"]) == (cast.a.pk, ["driver"])
    again = Api().post("auth/token", {"login": "nora@x.example", "password": PASSWORD})
    assert again.status_code == 200


def test_a_driver_without_an_email_gets_the_invitation_by_sms(cast, capsys):
    invited(cast, email="", phone="+525512345678")
    assert post_out() == []
    printed = capsys.readouterr().out
    assert printed.startswith("SMS to +525512345678: ")
    api = accept(code_in(printed))
    assert api.get("auth/me").status_code == 200


def test_a_driver_opens_a_conversation_after_the_invitation(cast, api):
    driver = invited(cast)
    phone = accept(code_in(post_out()[-1].body))
    made = phone.post("me/conversations", {"topic": "pay", "body": "Why is this so low?"})
    assert made.status_code == 201, made.content
    office = api(cast.support)
    shown = office.get(f"/api/v1/conversations/{made.json()['id']}").json()
    assert shown["driver"] == driver.pk


def test_accepting_answers_the_company_that_invited_and_no_other(cast):
    first = invited(cast)
    second = services.invite_driver(
        cast.b,
        actor=cast.actor(cast.b),
        given_name="Nora",
        family_name="Nueva",
        email="nora@x.example",
    )
    accept(code_in(post_out()[-1].body))
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("invited", "onboarding")


def test_a_driver_is_invited_again_three_times_an_hour(cast, api):
    driver = invited(cast)
    office = api(cast.dispatcher)
    path = f"/api/v1/drivers/{driver.pk}/invite-again"
    assert [office.post(path).status_code for _try in range(4)] == [202, 202, 202, 429]
    accept(code_in(post_out()[-1].body))


def test_who_has_left_for_good_is_not_invited_again(cast, api):
    driver = invited(cast)
    services.terminate_driver(driver, actor=cast.actor(), reason="did not come")
    answer = api(cast.dispatcher).post(f"/api/v1/drivers/{driver.pk}/invite-again")
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_move")


def test_a_wrong_address_is_corrected_before_the_invitation_is_answered(cast):
    driver = invited(cast, email="nroa@x.example", phone="+525512345678")
    typo = code_in(post_out()[-1].body)
    wrong = driver.user_id
    driver = services.update_driver(driver, actor=cast.actor(), email="Nora@X.example")
    assert (driver.email, driver.user.email) == ("nora@x.example", "nora@x.example")
    assert driver.user.phone == "+525512345678"
    assert driver.user_id != wrong
    assert AuditEntry.objects.get(action="driver.invited_elsewhere").changes == {}
    refused = Api().post(
        "auth/invitation",
        {"code": typo, "new_password": PASSWORD, "device": {"id": "strangers-phone-1"}},
    )
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_code")
    assert post_out()[-1].to == ["nora@x.example"]
    accept(code_in(post_out()[-1].body))
    driver.refresh_from_db()
    assert driver.status == "onboarding"


def test_once_answered_another_address_is_no_other_log_in(cast):
    driver = cast.driver
    changed = services.update_driver(driver, actor=cast.actor(), email="new@x.example")
    assert (changed.email, changed.user_id) == ("new@x.example", driver.user_id)
    assert changed.user.email == driver.user.email != "new@x.example"


def test_an_invited_driver_is_not_corrected_to_another_drivers_log_in(cast):
    driver, other = invited(cast), cast.driver
    with pytest.raises(DriverExists) as refused:
        services.update_driver(driver, actor=cast.actor(), email=other.user.email)
    assert refused.value.extra == {"driver": other.pk}
    with pytest.raises(LoginRequired):
        services.update_driver(driver, actor=cast.actor(), email="")
    assert Driver.objects.get(pk=driver.pk).email == "nora@x.example"


def test_the_invitation_of_who_is_no_longer_wanted_ends(cast):
    driver = invited(cast)
    code = code_in(post_out()[-1].body)
    services.terminate_driver(driver, actor=cast.actor(), reason="withdrew")
    body = {"code": code, "new_password": PASSWORD, "device": {"id": "noras-own-phone-1"}}
    answer = Api().post("auth/invitation", body)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_code")
    assert not User.objects.get(pk=driver.user_id).has_usable_password()
