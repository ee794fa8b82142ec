"""How a newly invited driver gets in, by the product's own ways alone."""

import pytest

from drivers import services
from drivers.models import Driver
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
