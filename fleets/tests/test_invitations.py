"""How somebody who is invited gets in: a member by e-mail here; drivers in drivers/tests."""

from datetime import timedelta

import pytest

from fleets import services
from fleets.models import Membership, OneTimeCode, User
from fleets.services import invitations
from fleets.tests.logins import (
    PASSWORD,
    Api,
    code_in,
    join,
    log_in,
    make_provider,
    make_user,
    post_out,
)
from voltop import clock
from voltop.context import Actor

pytestmark = pytest.mark.django_db

NEW = "nora@example.com"


@pytest.fixture
def company():
    provider = make_provider()
    join(make_user(), provider)
    return provider


def invite(provider, email=NEW, role="dispatcher") -> Membership:
    actor = Actor.system("tests", provider.pk)
    return services.invite_member(provider, actor=actor, email=email, full_name="Nora", role=role)


def accept(code: str, password: str = "my own long password", **more):
    return Api().post("auth/invitation", {"code": code, "new_password": password, **more})


def test_an_invited_member_sets_a_password_and_is_in(company):
    made = log_in().post("memberships", {"email": NEW, "full_name": "Nora", "role": "support"})
    assert made.status_code == 201
    [message] = post_out()
    assert message.to == [NEW]
    assert "Volta invites you" in message.body
    assert "/welcome/" in message.body
    answer = accept(code_in(message.body), device={"id": "noras-own-phone-1", "name": "Nokia"})
    assert answer.status_code == 200
    me = Api(answer.json()["access_token"]).get("auth/me").json()
    assert me["providers"][0]["roles"] == ["support"]
    again = Api().post("auth/token", {"login": NEW, "password": "my own long password"})
    assert again.status_code == 200
    assert User.objects.get(email=NEW).email_verified_at is not None


@pytest.mark.parametrize("typed", ["{}", " {} ", "lower", "plain", "spaced"])
def test_the_code_may_be_typed_in_any_way(company, typed):
    invite(company)
    code = code_in(post_out()[-1].body)
    ways = {
        "lower": code.lower(),
        "plain": code.replace("-", ""),
        "spaced": code.replace("-", " "),
    }
    assert accept(ways.get(typed, typed.format(code))).status_code == 200


def test_an_invitation_works_once_and_for_seven_days(company, time_machine):
    now = clock.now()
    time_machine.move_to(now, tick=False)
    invite(company)
    code = code_in(post_out()[-1].body)
    time_machine.move_to(now + timedelta(days=7), tick=False)
    assert accept(code).status_code == 401
    time_machine.move_to(now + timedelta(days=7, seconds=-1), tick=False)
    assert accept(code).status_code == 200
    assert accept(code).status_code == 401


def test_a_weak_password_leaves_the_invitation_usable(company):
    invite(company)
    code = code_in(post_out()[-1].body)
    for _try in range(6):
        assert accept(code, "short").status_code == 400
    assert accept(code).status_code == 200


def test_inviting_again_ends_the_invitation_before_three_times_an_hour(company):
    membership = invite(company)
    first = code_in(post_out()[-1].body)
    api = log_in()
    again = [api.post(f"memberships/{membership.pk}/invite-again") for _try in range(4)]
    assert [answer.status_code for answer in again] == [202, 202, 202, 429]
    assert 3590 <= int(again[-1].headers["Retry-After"]) <= 3600
    second = code_in(post_out()[-1].body)
    assert accept(first).status_code == 401
    assert accept(second).status_code == 200


def test_who_has_gone_is_not_invited_again(company):
    membership = invite(company)
    services.end_membership(membership, actor=Actor.system("tests", company.pk))
    assert log_in().post(f"memberships/{membership.pk}/invite-again").status_code == 404


def test_somebody_with_a_password_is_told_and_gets_no_code(company):
    known = make_user(NEW)
    api = log_in()
    unknown_answer = api.post(
        "memberships", {"email": "other@example.com", "full_name": "N", "role": "viewer"}
    )
    known_answer = api.post("memberships", {"email": NEW, "full_name": "N", "role": "viewer"})
    assert (unknown_answer.status_code, known_answer.status_code) == (201, 201)
    message = post_out()[-1]
    assert message.to == [NEW]
    assert "Log in as you are used to" in message.body
    assert not OneTimeCode.objects.filter(user=known).exists()
    assert known.check_password(PASSWORD)


def test_an_invitation_never_changes_a_password_that_was_set_meanwhile(company):
    invite(company)
    code = code_in(post_out()[-1].body)
    user = User.objects.get(email=NEW)
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    assert accept(code).status_code == 401
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_the_message_is_in_the_persons_language_and_goes_to_their_own_address(company):
    services.create_user(
        actor=Actor.system("tests"), full_name="Nora", email=NEW, phone="+5215512345678"
    )
    invite(company)
    assert [m.to for m in post_out()] == [[NEW]]


# --- A name that nobody has proven ---------------------------------------------------------------
def test_an_unproven_name_beside_another_is_no_way_into_the_next_company(company):
    """Eve types Vera's e-mail beside a phone of her own; then another company invites Vera."""
    eve = services.create_user(
        actor=Actor.system("tests"), full_name="Eve", email="vera@example.com", phone="+5215500000"
    )
    membership = invite(company, "vera@example.com", "owner")
    assert membership.user_id != eve.pk
    eve.refresh_from_db()
    assert (eve.email, eve.phone) == (None, "+5215500000")


def test_a_proven_name_is_the_person(company):
    user = services.create_user(
        actor=Actor.system("tests"), full_name="Nora", email=NEW, phone="+5215500000"
    )
    User.objects.filter(pk=user.pk).update(email_verified_at=clock.now())
    assert invite(company).user_id == user.pk
    user.refresh_from_db()
    assert user.phone == "+5215500000"


def test_the_only_name_of_a_person_is_the_person_proven_or_not(company):
    first = invite(company)
    second = invite(make_provider("Other"))
    assert first.user_id == second.user_id


def test_the_newest_invitation_is_the_one_that_counts(company):
    invite(company)
    invite(make_provider("Other"))
    first, second = (code_in(m.body) for m in _both())
    assert accept(first).status_code == 401
    assert accept(second).status_code == 200


def _both():
    """Both messages, the first sent although it has ended: as when it was under way already."""
    rows = list(OneTimeCode.objects.order_by("id"))
    assert [row.ended_at is None for row in rows] == [False, True]

    class Body:
        def __init__(self, body: str) -> None:
            self.body = body

    return [Body(invitations.words_of(row)[1]) for row in rows]
