"""One-time codes: log-in and a new password by what was sent to an e-mail or a phone."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from fleets import tokens
from fleets.models import AuditEntry, OneTimeCode, RefreshFamily, User
from fleets.services import auth
from fleets.tests.logins import (
    PASSWORD,
    PHONE_ID,
    Api,
    code_in,
    log_in,
    make_user,
    post_out,
    problem,
)
from voltop import clock, outbox
from voltop.outbox import OutboxMessage

pytestmark = pytest.mark.django_db

EMAIL, PHONE = "ana@example.com", "+5215512345678"


@pytest.fixture
def ana() -> User:
    return make_user(EMAIL, phone=PHONE)


def ask(login: str = EMAIL, purpose: str = "login", address: str = "198.51.100.7", **more: Any):
    body = {"login": login, "purpose": purpose, **more}
    return Api(address=address).post("auth/codes", body)


def asked_and_sent(purpose: str = "login") -> tuple[str, str]:
    """Challenge and code of a code that was asked for by e-mail."""
    challenge = ask(purpose=purpose).json()["challenge"]
    return challenge, code_in(post_out()[-1].body)


def enter(challenge: str, code: str, **more: Any):
    return Api().post("auth/code-login", {"challenge": challenge, "code": code, **more})


def reset(challenge: str, code: str, new: str = "a much better one"):
    body = {"challenge": challenge, "code": code, "new_password": new}
    return Api().post("auth/password-reset", body)


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


# --- Log-in by code ------------------------------------------------------------------------------
def test_a_code_sent_by_email_logs_in(ana):
    challenge, code = asked_and_sent()
    assert post_out()[-1].to == [EMAIL]
    answer = enter(challenge, code, device={"id": PHONE_ID, "name": "Pixel"})
    assert answer.status_code == 200
    assert Api(answer.json()["access_token"]).get("auth/me").json()["email"] == EMAIL
    assert RefreshFamily.objects.get().device_label == "Pixel"
    ana.refresh_from_db()
    assert ana.email_verified_at is not None
    assert ana.phone_verified_at is None


def test_a_code_sent_by_sms_logs_in(ana, capsys):
    challenge = ask("+52 1 (55) 1234-5678").json()["challenge"]
    post_out()
    printed = capsys.readouterr().out
    assert printed.startswith(f"SMS to {PHONE}: ")
    assert enter(challenge, code_in(printed.partition(": ")[2])).status_code == 200
    ana.refresh_from_db()
    assert ana.phone_verified_at is not None


def test_an_sms_is_not_printed_where_people_are_real(ana, settings, capsys):
    settings.EMBEDDED = settings.DEMO = False
    ask(PHONE)
    with pytest.raises(Exception, match="VOLTOP_SMS_TRANSPORT"):
        post_out()
    assert capsys.readouterr().out == ""


def test_a_code_works_once(ana):
    challenge, code = asked_and_sent()
    assert enter(challenge, code).status_code == 200
    assert problem(enter(challenge, code))[1]["code"] == "invalid_code"
    assert RefreshFamily.objects.count() == 1


def test_a_code_runs_out_after_ten_minutes(ana, time_machine):
    now = clock.now()
    time_machine.move_to(now, tick=False)
    first = asked_and_sent()
    time_machine.move_to(now + timedelta(seconds=599), tick=False)
    assert enter(*first).status_code == 200
    second = asked_and_sent()
    time_machine.move_to(now + timedelta(seconds=599 + 600), tick=False)
    assert enter(*second).status_code == 401


def test_only_the_newest_code_works(ana):
    first = asked_and_sent()
    second = asked_and_sent()
    assert enter(*first).status_code == 401
    assert enter(*second).status_code == 200


def test_a_log_in_code_and_a_password_code_live_side_by_side_and_open_their_own_door(ana):
    login, password = asked_and_sent("login"), asked_and_sent("password")
    assert enter(*password).status_code == 401
    assert reset(*login).status_code == 401
    assert enter(*login).status_code == 200
    assert reset(*password).status_code == 204


def test_after_five_wrong_tries_the_right_code_is_refused_too(ana):
    challenge, code = asked_and_sent()
    for _try in range(5):
        assert enter(challenge, other_than(code)).status_code == 401
    assert enter(challenge, code).status_code == 401
    assert OneTimeCode.objects.get().attempts == 5


def test_four_wrong_tries_leave_the_right_one(ana):
    challenge, code = asked_and_sent()
    for _try in range(4):
        enter(challenge, other_than(code))
    assert enter(challenge, code).status_code == 200


def test_a_code_is_worth_nothing_without_its_challenge(ana):
    challenge, code = asked_and_sent()
    assert enter(tokens.new_challenge(), code).status_code == 401
    assert enter(challenge, code).status_code == 200


def test_a_code_of_somebody_disabled_since_opens_nothing(ana):
    challenge, code = asked_and_sent()
    User.objects.update(is_active=False)
    assert enter(challenge, code).status_code == 401


def test_a_new_password_ends_codes_that_were_sent_before(ana):
    challenge, code = asked_and_sent()
    auth.set_password(ana, "a much better one", actor=ana.actor())
    assert enter(challenge, code).status_code == 401


def test_a_code_that_ended_before_it_was_sent_is_not_sent(ana):
    ask()
    ask()
    assert len(post_out()) == 1


def test_a_message_sent_twice_carries_the_same_code(ana):
    ask()
    first = code_in(post_out()[-1].body)
    OutboxMessage.objects.update(sent_at=None)
    assert code_in(post_out()[-1].body) == first


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "１２３４５６", "9" * 16])
def test_what_is_no_code_is_refused_as_a_wrong_one(ana, code):
    challenge, _code = asked_and_sent()
    assert enter(challenge, code).status_code in (400, 401)
    assert not RefreshFamily.objects.exists()


# --- A new password ------------------------------------------------------------------------------
def test_a_password_code_sets_a_new_password_and_ends_every_log_in(ana):
    api = log_in()
    challenge, code = asked_and_sent("password")
    assert reset(challenge, code).status_code == 204
    assert api.get("auth/me").status_code == 401
    old = Api().post("auth/token", {"login": EMAIL, "password": PASSWORD})
    assert old.status_code == 401
    new = Api().post("auth/token", {"login": EMAIL, "password": "a much better one"})
    assert new.status_code == 200
    assert reset(challenge, code).status_code == 401
    assert set(AuditEntry.objects.values_list("action", flat=True)) == {
        "password.changed",
        "code.used",
    }


def test_a_weak_password_leaves_the_code_usable(ana):
    challenge, code = asked_and_sent("password")
    for _try in range(6):
        answer = reset(challenge, code, "short")
        assert (answer.status_code, answer.json()["code"]) == (400, "weak_password")
    assert reset(challenge, code).status_code == 204


def test_somebody_without_a_password_gets_one_by_a_code():
    User.objects.create_user(EMAIL, None)
    assert reset(*asked_and_sent("password")).status_code == 204
    assert log_in_with("a much better one").status_code == 200


def log_in_with(password: str):
    return Api().post("auth/token", {"login": EMAIL, "password": password})


# --- Nobody learns who is known ------------------------------------------------------------------
UNKNOWN = ("nobody@example.com", "+5215500000000", "no name at all", "@", "+")


@pytest.fixture
def hashes(monkeypatch) -> list[str]:
    counted: list[str] = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher,
        "encode",
        lambda self, password, salt: counted.append("hash") or encode(self, password, salt),
    )
    return counted


def shape(answer: Any) -> Any:
    """An answer without what is random in it."""
    body = answer.json()
    challenge = body.pop("challenge", "")
    body.pop("request_id", None)
    kept = {k: v for k, v in answer.headers.items() if k != "X-Request-Id"}
    return answer.status_code, body, len(challenge), challenge[:4], kept


def statements(call: Any) -> tuple[Any, list[str]]:
    """The answer, and the kinds of statements that it took, in their order."""
    with CaptureQueriesContext(connection) as caught:
        answer = call()
    return answer, [query["sql"].split()[0] for query in caught.captured_queries]


def test_asking_answers_and_costs_the_same_for_everybody(ana, hashes):
    make_user("off@example.com", is_active=False)
    made = len(hashes)
    ask()  # whatever is done once per process is done
    known, in_db = statements(lambda: ask(address="198.51.100.8"))
    expected = shape(known)
    for login in (*UNKNOWN, "off@example.com"):
        answer, cost = statements(lambda login=login: ask(login, address="198.51.100.9"))
        assert shape(answer) == expected, login
        assert cost == in_db, login
    assert len(hashes) == made
    assert len(post_out()) == 1


def test_trying_answers_and_costs_the_same_for_everybody(ana, hashes):
    make_user("off@example.com", is_active=False)
    made = len(hashes)
    challenges = [ask(login).json()["challenge"] for login in (EMAIL, *UNKNOWN, "off@example.com")]
    enter(tokens.new_challenge(), "000000")
    right = tokens.derive_digits(tokens.current_key(), OneTimeCode.objects.first().key)
    first, in_db = statements(lambda: enter(challenges[0], other_than(right)))
    refusal = problem(first)
    for challenge in challenges[1:]:
        answer, cost = statements(lambda c=challenge: enter(c, other_than(right)))
        assert problem(answer) == refusal
        assert cost == in_db
    assert len(hashes) == made


def test_the_right_code_of_nobody_opens_nothing():
    challenge = ask("nobody@example.com").json()["challenge"]
    code = tokens.derive_digits(tokens.current_key(), OneTimeCode.objects.get().key)
    assert enter(challenge, code).status_code == 401
    assert reset(challenge, code).status_code == 401


@pytest.mark.parametrize("login", [EMAIL, "nobody@example.com"])
def test_five_codes_an_hour_are_sent_to_a_name_known_or_not(ana, login):
    answers = [ask(login, address=f"198.51.100.{n}") for n in range(6)]
    assert [a.status_code for a in answers] == [202] * 5 + [429]
    assert 3590 <= int(answers[-1].headers["Retry-After"]) <= 3600


def test_other_spellings_of_a_name_are_the_same_name(ana):
    spellings = (PHONE, "+52 1 55 1234 5678", "+52-1-55-1234-5678", "+52(1)5512345678", f" {PHONE}")
    for spelling in spellings:
        assert ask(spelling).status_code == 202
    assert ask("+52.1.5512345678").status_code == 429


def test_a_stranger_does_not_shut_out_a_device_that_was_used_before(ana):
    log_in(device_id=PHONE_ID)
    for _try in range(6):
        ask()
    assert ask().status_code == 429
    assert ask(device={"id": PHONE_ID}).status_code == 202


# --- What is kept --------------------------------------------------------------------------------
def test_a_code_stands_in_no_table(ana):
    challenge, code = asked_and_sent()
    with connection.cursor() as cursor:
        for table in ("fleets_onetimecode", "voltop_outboxmessage", "fleets_auditentry"):
            cursor.execute(f"SELECT t::text FROM {table} t")
            kept = "\n".join(row[0] for row in cursor.fetchall())
            assert challenge not in kept
            assert tokens.hash_token(code) not in kept
    row = OneTimeCode.objects.values().get()
    texts = [v for k, v in row.items() if isinstance(v, str) and k != "lookup_hash"]
    assert not any(code in text for text in texts)


def test_the_database_keeps_one_live_code_for_each_purpose(ana):
    ask()
    row = OneTimeCode.objects.get()
    twin = OneTimeCode(
        user=ana, purpose="login", channel="email", lookup_hash="0" * 64, expires_at=row.expires_at
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()


def test_a_key_taken_away_ends_its_codes(ana, settings):
    challenge, code = asked_and_sent()
    settings.TOKEN_SIGNING_KEYS = ["new:" + "A" * 43 + "="]
    assert enter(challenge, code).status_code == 401


def test_old_codes_are_deleted(ana, time_machine):
    now = clock.now()
    time_machine.move_to(now)
    ask()
    time_machine.shift(timedelta(days=29))
    auth.forget_expired()
    assert OneTimeCode.objects.count() == 1
    time_machine.shift(timedelta(days=2))
    auth.forget_expired()
    assert not OneTimeCode.objects.exists()


def test_codes_are_sent_by_the_outbox_topic_that_has_a_handler():
    assert {"fleets.send_code", "fleets.tell_invited"} <= outbox._handlers.keys()
    call_command("check")
