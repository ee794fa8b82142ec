"""What must hold when many calls arrive at the same moment: real threads, real transactions."""

import base64
from collections import Counter
from datetime import timedelta
from threading import Lock

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django_otp.oath import hotp

from fleets import limits, tokens
from fleets.errors import (
    InvalidCredentials,
    InvalidRefreshToken,
    SecondFactorRequired,
    TooManyAttempts,
)
from fleets.models import (
    AttemptWindow,
    AuditEntry,
    OneTimeCode,
    RefreshFamily,
    RefreshToken,
    User,
)
from fleets.services import auth, codes, second_factor
from fleets.tests.logins import PASSWORD, Api
from voltop import clock
from voltop.tests.parallel import at_once

PHONE = auth.Device(id="a-phone-of-sixteen-or-more", name="Pixel")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ana() -> User:
    return User.objects.create_user("ana@example.com", PASSWORD, full_name="Ana")


@pytest.fixture
def hashes(monkeypatch) -> Counter:
    """Counts every password hash that is worked out, in whatever thread."""
    counted: Counter = Counter()
    lock = Lock()
    encode = MD5PasswordHasher.encode

    def counting(self, password, salt):
        with lock:
            counted["hashes"] += 1
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    return counted


def log_in(login="ana@example.com", password=PASSWORD, address="198.51.100.7", device=PHONE):
    return auth.log_in(login=login, password=password, address=address, device=device)


def outcomes(results) -> Counter:
    return Counter(type(r).__name__ if isinstance(r, Exception) else "answered" for r in results)


def attempt(login: str, password: str = PASSWORD, address: str = "198.51.100.7") -> int:
    body = {"login": login, "password": password, "device": {"id": PHONE.id}}
    return Api(address=address).post("auth/token", body).status_code


def test_64_tries_at_once_on_an_account_work_out_exactly_5_hashes(ana, hashes):
    answers = at_once([lambda: attempt("ana@example.com", "wrong")] * 64)
    assert Counter(answers) == {401: 5, 429: 59}
    assert hashes["hashes"] == 5


def test_64_tries_at_once_on_an_unknown_name_work_out_exactly_5_hashes(hashes):
    answers = at_once([lambda: attempt("nobody@example.com")] * 64)
    assert Counter(answers) == {401: 5, 429: 59}
    assert hashes["hashes"] == 5


def test_64_names_tried_at_once_from_one_address_work_out_exactly_50_hashes(hashes):
    answers = at_once([lambda n=n: attempt(f"n{n}@example.com") for n in range(64)])
    assert Counter(answers) == {401: 50, 429: 14}
    assert hashes["hashes"] == 50


def test_60_people_may_log_in_at_once_through_one_address():
    people = [User.objects.create_user(f"d{n}@example.com", PASSWORD) for n in range(60)]
    logins = [lambda p=p: log_in(login=p.email) for p in people]
    assert outcomes(at_once(logins[:40])) == {"answered": 40}
    assert outcomes(at_once(logins[40:])) == {"answered": 20}


def refresh(token: str) -> tuple[int, str]:
    body = {"refresh_token": token, "device_id": PHONE.id}
    answer = Api().post("auth/refresh", body)
    return answer.status_code, answer.json().get("refresh_token", "")


@pytest.mark.parametrize("round_", range(3))
def test_64_refreshes_at_once_leave_one_successor_and_give_all_the_same(ana, round_):
    first = log_in().refresh_token
    [(status, given)] = set(at_once([lambda: refresh(first)] * 64))
    assert status == 200
    family = RefreshFamily.objects.get()
    assert family.revoked_at is None
    stored = family.tokens.values_list("generation", "used_at")
    assert [(generation, used is None) for generation, used in stored] == [(1, False), (2, True)]
    assert family.tokens.get(generation=2).token_hash == tokens.hash_token(given)


def asked() -> tuple[str, str]:
    """Challenge and code of a code for Ana."""
    challenge = codes.ask_for_code(
        login="ana@example.com", purpose="login", address="198.51.100.7", device=PHONE
    ).challenge
    row = OneTimeCode.objects.latest("id")
    return challenge, codes.code_of(row)


def enter_by_code(challenge: str, code: str, address: str) -> int:
    body = {"challenge": challenge, "code": code}
    return Api(address=address).post("auth/code-login", body).status_code


def test_64_wrong_codes_at_once_are_judged_five_times(ana, monkeypatch):
    challenge, code = asked()
    judged: list[str] = []
    same = codes._same
    monkeypatch.setattr(codes, "_same", lambda r, g: judged.append(g) or same(r, g))
    wrong = [f"{n:06d}" for n in range(65) if f"{n:06d}" != code][:64]
    calls = [
        lambda n=n, c=c: enter_by_code(challenge, c, f"198.51.100.{n}") for n, c in enumerate(wrong)
    ]
    assert Counter(at_once(calls)) == {401: 64}
    assert len(judged) == 5
    assert enter_by_code(challenge, code, "198.51.100.200") == 401


def test_the_right_code_64_times_at_once_opens_one_log_in(ana):
    challenge, code = asked()
    calls = [lambda n=n: enter_by_code(challenge, code, f"198.51.100.{n}") for n in range(64)]
    assert Counter(at_once(calls)) == {200: 1, 401: 63}
    assert RefreshFamily.objects.count() == 1


def test_64_wrong_codes_at_once_from_one_address_take_its_50_slots(ana):
    challenge, _code = asked()
    calls = [lambda: enter_by_code(challenge, "x", "198.51.100.9")] * 64
    assert Counter(at_once(calls)) == {401: 50, 429: 14}


def test_64_codes_asked_for_at_once_are_five_and_one_of_them_lives(ana):
    def ask(n: int) -> int:
        body = {"login": "ana@example.com", "purpose": "login"}
        return Api(address=f"198.51.100.{n}").post("auth/codes", body).status_code

    assert Counter(at_once([lambda n=n: ask(n) for n in range(64)])) == {202: 5, 429: 59}
    live = OneTimeCode.objects.filter(ended_at__isnull=True)
    assert (live.count(), OneTimeCode.objects.count()) == (1, 5)


def test_the_same_second_factor_64_times_at_once_opens_one_log_in(ana):
    begun = second_factor.begin(ana, actor=ana.actor())
    earlier = clock.now() - timedelta(seconds=30)
    step = int(earlier.timestamp()) // 30
    secret = base64.b32decode(begun.secret)
    first = f"{hotp(secret, step):06d}"
    second_factor.confirm(ana, first, actor=ana.actor(), family=None, at=earlier)
    with pytest.raises(SecondFactorRequired) as asked:
        log_in()
    body = {
        "challenge": asked.value.extra["challenge"],
        "code": f"{hotp(secret, step + 1):06d}",
    }
    answers = Counter(
        at_once([lambda: Api().post("auth/second-factor/log-in", body).status_code] * 64)
    )
    assert answers[200] == 1
    assert set(answers) <= {200, 400, 429}
    assert RefreshFamily.objects.count() == 1


def test_an_old_token_among_many_refreshes_ends_the_family_once(ana):
    first = log_in()
    second = auth.refresh(refresh_token=first.refresh_token, device=PHONE)
    third = auth.refresh(refresh_token=second.refresh_token, device=PHONE)
    assert Counter(at_once([lambda: refresh(first.refresh_token)] * 16)) == {(401, ""): 16}
    family = RefreshFamily.objects.get()
    assert family.revoked_reason == "reused"
    assert AuditEntry.objects.filter(action="login.ended", reason="reused").count() == 1
    with pytest.raises(InvalidRefreshToken):
        auth.refresh(refresh_token=third.refresh_token, device=PHONE)
    assert RefreshToken.objects.filter(family=family).count() == 3


def test_logging_out_everywhere_beside_refreshes_leaves_nothing_alive(ana):
    pairs = [log_in(device=auth.Device(id=f"p{n}")) for n in range(8)]
    calls = [
        lambda n=n, pair=pair: auth.refresh(
            refresh_token=pair.refresh_token, device=auth.Device(id=f"p{n}")
        )
        for n, pair in enumerate(pairs)
    ]
    calls.insert(4, lambda: auth.log_out_everywhere(ana, actor=ana.actor()))
    results = at_once(calls)
    results.pop(4)
    assert set(outcomes(results)) <= {"answered", "InvalidRefreshToken"}
    assert not RefreshFamily.objects.filter(revoked_at__isnull=True).exists()
    for n, result in enumerate(results):
        if isinstance(result, auth.TokenPair):
            with pytest.raises(InvalidRefreshToken):
                auth.refresh(refresh_token=result.refresh_token, device=auth.Device(id=f"p{n}"))


def test_a_slot_comes_back_when_its_quarter_hour_has_passed(ana):
    start = clock.now()
    for n in range(5):
        limits.take(limits.LOGIN_ACCOUNT, "k", at=start + timedelta(minutes=n))
    with pytest.raises(TooManyAttempts) as refused:
        limits.take(limits.LOGIN_ACCOUNT, "k", at=start + timedelta(minutes=5))
    assert refused.value.retry_after_s == 600
    with pytest.raises(TooManyAttempts):
        limits.take(limits.LOGIN_ACCOUNT, "k", at=start + timedelta(minutes=14, seconds=59))
    limits.take(limits.LOGIN_ACCOUNT, "k", at=start + timedelta(minutes=15))
    with pytest.raises(TooManyAttempts):
        limits.take(limits.LOGIN_ACCOUNT, "k", at=start + timedelta(minutes=15, seconds=1))


def test_two_tries_of_one_instant_give_back_one_slot_each():
    at = clock.now()
    for _try in range(5):
        limits.take(limits.LOGIN_ACCOUNT, "k", at=at)
    limits.give_back(limits.LOGIN_ACCOUNT, "k", at=at)
    limits.take(limits.LOGIN_ACCOUNT, "k", at=at)
    with pytest.raises(TooManyAttempts):
        limits.take(limits.LOGIN_ACCOUNT, "k", at=at)
    limits.give_back(limits.LOGIN_ACCOUNT, "unknown", at=at)
    assert AttemptWindow.objects.count() == 1


def test_attempts_of_others_do_not_shut_out_a_phone_that_is_known(ana):
    log_in(device=PHONE)
    stranger = auth.Device(id="stranger")
    for n in range(6):
        with pytest.raises((InvalidCredentials, TooManyAttempts)):
            log_in(password="wrong", address=f"203.0.113.{n}", device=stranger)
    with pytest.raises(TooManyAttempts):
        log_in(address="198.51.100.8", device=auth.Device())
    assert log_in(device=PHONE).access_token


def test_a_password_changed_while_an_old_one_is_checked_lets_nobody_in(ana, monkeypatch):
    check = User.check_password

    def slow_check(self, raw):
        right = check(self, raw)
        auth.set_password(User.objects.get(pk=ana.pk), "another good one", actor=ana.actor())
        return right

    monkeypatch.setattr(User, "check_password", slow_check)
    with pytest.raises(InvalidCredentials):
        log_in()
    assert not RefreshFamily.objects.exists()
