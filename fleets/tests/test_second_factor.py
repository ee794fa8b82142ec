"""The second factor: set up, asked for at log-in, demanded by a company, fresh for money."""

import base64
import re
from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django_otp.oath import hotp

from fleets import services
from fleets.errors import FreshSecondFactorRequired
from fleets.models import (
    AuditEntry,
    FleetPolicy,
    FleetProvider,
    Notice,
    RecoveryCode,
    RefreshFamily,
    SecondFactor,
    User,
)
from fleets.scopes import NEVER_FOR_MACHINES
from fleets.services import second_factor
from fleets.tests.logins import (
    PASSWORD,
    PHONE_ID,
    SYSTEM,
    Api,
    code_in,
    join,
    log_in,
    make_provider,
    make_user,
    post_out,
    problem,
)
from voltop import clock
from voltop.context import Actor

pytestmark = pytest.mark.django_db

EMAIL = "ana@example.com"
NOON = datetime.fromisoformat("2026-03-02T12:00:00+00:00")


@pytest.fixture(autouse=True)
def noon(time_machine):
    time_machine.move_to(NOON, tick=False)
    return time_machine


@pytest.fixture
def company() -> FleetProvider:
    provider = make_provider()
    join(make_user(), provider)
    return provider


def code_at(secret: str, at: datetime) -> str:
    """What an authenticator app shows at that time (RFC 6238)."""
    return f"{hotp(base64.b32decode(secret), int(at.timestamp()) // 30):06d}"


def enrol(api: Api) -> tuple[str, list[str]]:
    """Set one up over the API; its secret, and the recovery codes."""
    secret = api.post("auth/second-factor").json()["secret"]
    answer = api.post("auth/second-factor/confirm", {"code": code_at(secret, clock.now())})
    assert answer.status_code == 200, answer.content
    return secret, answer.json()["recovery_codes"]


def first_step() -> str:
    """The challenge that a right password gets."""
    answer = Api().post(
        "auth/token", {"login": EMAIL, "password": PASSWORD, "device": {"id": PHONE_ID}}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "second_factor_required")
    return answer.json()["extra"]["challenge"]


def second_step(challenge: str, code: str):
    return Api().post("auth/second-factor/log-in", {"challenge": challenge, "code": code})


# --- Setting it up -------------------------------------------------------------------------------
def test_the_code_is_that_of_rfc_6238():
    """Appendix B of the RFC, SHA-1, the last six of its eight digits."""
    secret = base64.b32encode(b"12345678901234567890").decode()
    for seconds, digits in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        assert code_at(secret, datetime.fromtimestamp(seconds, NOON.tzinfo)) == digits


def test_one_is_set_up_and_every_other_log_in_ends(company):
    other, api = log_in(), log_in()
    begun = api.post("auth/second-factor").json()
    assert re.fullmatch(r"[A-Z2-7]{32}", begun["secret"])
    assert begun["uri"].startswith("otpauth://totp/Voltop%3Aana%40example.com?secret=")
    assert api.get("auth/me").json()["second_factor"] is False
    right = code_at(begun["secret"], clock.now())
    answer = api.post("auth/second-factor/confirm", {"code": right})
    assert len(set(answer.json()["recovery_codes"])) == 10
    assert api.get("auth/me").json()["second_factor"] is True
    assert other.get("auth/me").status_code == 401
    assert RefreshFamily.objects.get(revoked_at=None).second_factor_at == NOON
    assert AuditEntry.objects.filter(action="second_factor.enrolled").count() == 1


def test_a_wrong_first_code_confirms_nothing(company):
    api = log_in()
    api.post("auth/second-factor")
    answer = api.post("auth/second-factor/confirm", {"code": "000000"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_second_factor")
    assert not second_factor.has_one(User.objects.get())
    assert log_in().get("auth/me").status_code == 200


def test_there_is_one_and_it_is_not_overwritten(company):
    api = log_in()
    assert api.post("auth/second-factor/confirm", {"code": "000000"}).status_code == 409
    first = api.post("auth/second-factor").json()["secret"]
    assert first != api.post("auth/second-factor").json()["secret"]
    enrol(api)
    for path, body in (("", None), ("/confirm", {"code": "123456"})):
        answer = api.post(f"auth/second-factor{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "second_factor_exists")


def test_neither_secret_nor_recovery_codes_stand_in_the_database(company):
    secret, recovery = enrol(log_in())
    raw = base64.b32decode(secret)
    with connection.cursor() as cursor:
        for table in ("fleets_secondfactor", "fleets_recoverycode", "fleets_auditentry"):
            cursor.execute(f"SELECT t::text FROM {table} t")
            kept = "\n".join(row[0] for row in cursor.fetchall()).lower()
            for word in (secret, raw.hex(), base64.b64encode(raw).decode(), *recovery):
                assert word.lower() not in kept
                assert word.replace("-", "").lower() not in kept


# --- Log-in --------------------------------------------------------------------------------------
def test_log_in_takes_both_steps(company, noon):
    secret, _recovery = enrol(log_in())
    noon.shift(30)
    challenge = first_step()
    answer = second_step(challenge, code_at(secret, clock.now()))
    assert answer.status_code == 200
    assert Api(answer.json()["access_token"]).get("auth/me").status_code == 200
    family = RefreshFamily.objects.latest("id")
    assert family.second_factor_at == clock.now()
    assert family.device_hash
    refreshed = Api().post(
        "auth/refresh",
        {"refresh_token": answer.json()["refresh_token"], "device_id": PHONE_ID},
    )
    assert refreshed.status_code == 200


@pytest.mark.parametrize("purpose", ["login", "password"])
def test_a_code_by_email_does_not_go_round_it(company, purpose):
    enrol(log_in())
    answer = Api().post("auth/codes", {"login": EMAIL, "purpose": purpose})
    body = {"challenge": answer.json()["challenge"], "code": code_in(post_out()[-1].body)}
    if purpose == "login":
        answer = Api().post("auth/code-login", body)
    else:
        changed = Api().post("auth/password-reset", body | {"new_password": "a better one yet"})
        assert changed.status_code == 204
        answer = Api().post("auth/token", {"login": EMAIL, "password": "a better one yet"})
    assert answer.json()["code"] == "second_factor_required"


def test_a_code_counts_once(company, noon):
    secret, _recovery = enrol(log_in())
    noon.shift(30)
    code = code_at(secret, clock.now())
    assert second_step(first_step(), code).status_code == 200
    answer = second_step(first_step(), code)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_second_factor")


@pytest.mark.parametrize(("steps", "status"), [(-2, 400), (-1, 200), (0, 200), (1, 200), (2, 400)])
def test_a_phone_may_be_half_a_minute_off(company, noon, steps, status):
    secret, _recovery = enrol(log_in())
    noon.shift(300)
    code = code_at(secret, clock.now() + timedelta(seconds=30 * steps))
    assert second_step(first_step(), code).status_code == status


def test_an_older_code_than_one_that_was_taken_is_refused(company, noon):
    secret, _recovery = enrol(log_in())
    noon.shift(300)
    assert second_step(first_step(), code_at(secret, clock.now())).status_code == 200
    before = code_at(secret, clock.now() - timedelta(seconds=30))
    assert second_step(first_step(), before).status_code == 400


def test_a_recovery_code_stands_in_once(company):
    _secret, recovery = enrol(log_in())
    assert second_step(first_step(), recovery[3].lower()).status_code == 200
    assert second_step(first_step(), recovery[3]).status_code == 400
    assert second_step(first_step(), recovery[4].replace("-", "")).status_code == 200
    assert RecoveryCode.objects.filter(used_at=None).count() == 8


def test_five_wrong_codes_in_fifteen_minutes_are_all(company, noon):
    secret, _recovery = enrol(log_in())
    noon.shift(60)
    challenge = first_step()
    for _try in range(5):
        assert second_step(challenge, "000000").status_code == 400
    assert second_step(challenge, code_at(secret, clock.now())).status_code == 429
    noon.shift(15 * 60 + 1)
    assert second_step(first_step(), code_at(secret, clock.now())).status_code == 200


def test_a_challenge_is_good_for_five_minutes_and_for_this_password(company, noon):
    secret, _recovery = enrol(log_in())
    challenge = first_step()
    noon.shift(301)
    late = second_step(challenge, code_at(secret, clock.now()))
    assert (late.status_code, late.json()["code"]) == (401, "invalid_credentials")
    challenge = first_step()
    services_user = User.objects.get(email=EMAIL)
    services_user.set_password("another long one")
    services_user.save()
    User.objects.filter(pk=services_user.pk).update(token_version=99)
    assert second_step(challenge, code_at(secret, clock.now())).status_code == 401


@pytest.mark.parametrize("challenge", ["", "x", "a:b:c", "é", "vtq_" + "A" * 43, "x" * 1000])
def test_a_made_up_challenge_opens_nothing(company, challenge):
    assert second_step(challenge, "123456").status_code in (400, 401)


# --- Taking it away ------------------------------------------------------------------------------
def test_it_is_removed_with_a_code_of_it_only(company, noon):
    api = log_in()
    secret, _recovery = enrol(api)
    noon.shift(30)
    assert api.post("auth/second-factor/remove", {"code": "000000"}).status_code == 400
    code = code_at(secret, clock.now())
    assert api.post("auth/second-factor/remove", {"code": code}).status_code == 204
    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert log_in().get("auth/me").status_code == 200


def test_platform_staff_take_it_away_from_who_lost_it(company):
    api = log_in()
    enrol(api)
    root = User.objects.create_superuser("root@example.com", PASSWORD)
    second_factor.reset(User.objects.get(email=EMAIL), actor=root.actor(), reason="phone lost")
    assert api.get("auth/me").status_code == 401
    assert log_in().get("auth/me").status_code == 200
    assert AuditEntry.objects.get(action="second_factor.removed").reason == "phone lost"
    told = Notice.objects.filter(user__email=EMAIL).order_by("id")
    kinds = ["fleets.second_factor_added", "fleets.second_factor_removed"]
    assert [notice.kind for notice in told] == kinds


# --- Demanded by a company -----------------------------------------------------------------------
def demand(provider: FleetProvider, **values) -> None:
    values = values or {"second_factor_roles": ["owner"]}
    services.change_policy(provider, actor=SYSTEM, values=values)


def test_a_company_may_demand_it_of_a_role(company, django_assert_num_queries):
    join(make_user("dan@example.com"), company, "dispatcher")
    demand(company)
    api, dan = log_in(), log_in("dan@example.com")
    refused = api.get("depots")
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_missing")
    assert dan.get("depots").status_code == 200
    assert api.get("auth/me").status_code == 200
    enrol(api)
    assert api.get("depots").status_code == 200


def test_what_one_company_demands_the_other_does_not(company):
    other = make_provider("Other")
    join(User.objects.get(email=EMAIL), other)
    demand(company)
    api = log_in()
    asked = [
        api.get("depots", **{"X-Voltop-Provider": str(provider.pk)}).status_code
        for provider in (company, other)
    ]
    assert asked == [403, 200]


@pytest.mark.parametrize(
    "roles", ["owner", ["driver"], ["nobody"], ["owner", "owner"], [1], {"owner": 1}]
)
def test_only_roles_of_staff_can_be_named(company, roles):
    with pytest.raises((services.providers.PolicyOutOfRange, ValidationError)):
        demand(company, second_factor_roles=roles)


def test_new_companies_on_real_servers_begin_with_it(settings):
    settings.SECOND_FACTOR_ROLES = ["owner", "accountant"]
    policy = FleetPolicy.objects.get(provider=make_provider())
    assert policy.second_factor_roles == ["owner", "accountant"]
    assert policy.approval_second_factor is True


def test_platform_staff_need_it_where_the_deployment_says_so(company, settings):
    User.objects.create_superuser("root@example.com", PASSWORD)
    into = {"X-Voltop-Provider": str(company.pk)}
    api = log_in("root@example.com")
    assert api.get("depots", **into).status_code == 200
    settings.SECOND_FACTOR_FOR_PLATFORM = True
    assert api.get("depots", **into).json()["code"] == "second_factor_missing"
    enrol(api)
    assert api.get("depots", **into).status_code == 200


# --- In the browser ------------------------------------------------------------------------------
ADMIN_PAGES = ("/admin/", "/admin/fleets/depot/", "/admin/autocomplete/", "/admin/no/such/page/")


def browser(login: str = EMAIL) -> Client:
    client = Client()
    client.post("/admin/login/", {"username": login, "password": PASSWORD})
    return client


@pytest.mark.parametrize("page", ADMIN_PAGES)
def test_no_page_of_the_admin_opens_without_it(company, page):
    demand(company)
    answer = browser().get(page)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/second-factor/")


def test_one_is_set_up_in_the_browser_and_shown_at_every_log_in(company, noon):
    demand(company)
    first = browser()
    page = first.get("/second-factor/?next=/admin/fleets/depot/").content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page).group(1)
    assert secret in first.get("/second-factor/").content.decode()  # a reload shows the same
    wrong = first.post("/second-factor/", {"code": "000000"})
    assert wrong.status_code == 400
    done = first.post("/second-factor/", {"code": code_at(secret, clock.now())})
    assert len(re.findall(r"<code>[A-Z2-7]{5}-[A-Z2-7]{5}</code>", done.content.decode())) == 10
    assert first.get("/admin/").status_code == 200
    noon.shift(30)
    second = browser()
    assert second.get("/admin/").status_code == 302
    page = second.get("/second-factor/").content.decode()
    assert "data:image" not in page
    assert secret not in page
    body = {"code": code_at(secret, clock.now())}
    shown = second.post("/second-factor/?next=/admin/fleets/depot/", body)
    assert (shown.status_code, shown["Location"]) == (302, "/admin/fleets/depot/")
    assert second.get("/admin/").status_code == 200


def test_who_has_one_shows_it_also_where_nobody_demands_it(company):
    enrol(log_in())
    assert browser().get("/admin/")["Location"].startswith("/second-factor/")


def test_who_has_none_and_need_not_have_one_goes_straight_in(company):
    assert browser().get("/admin/").status_code == 200


@pytest.mark.parametrize(
    "onward", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_the_page_leads_nowhere_else(company, noon, onward):
    secret, _recovery = enrol(log_in())
    noon.shift(30)
    answer = browser().post(
        f"/second-factor/?next={onward}", {"code": code_at(secret, clock.now())}
    )
    assert answer["Location"] == "/admin/"


def test_a_stranger_is_sent_to_log_in():
    assert Client().get("/second-factor/")["Location"].startswith("/admin/login/")


# --- Fresh, for money ----------------------------------------------------------------------------
def test_approving_money_asks_for_a_fresh_one_where_the_policy_says_so(company, noon):
    api = log_in()
    secret, _recovery = enrol(api)
    user = User.objects.get(email=EMAIL)

    def actor() -> Actor:
        user.second_factor_at = RefreshFamily.objects.get(revoked_at=None).second_factor_at
        return user.actor()

    noon.shift(301)
    second_factor.require_fresh(actor(), company.pk, at=clock.now())  # not asked for
    demand(company, approval_second_factor=True)
    with pytest.raises(FreshSecondFactorRequired):
        second_factor.require_fresh(actor(), company.pk, at=clock.now())
    code = code_at(secret, clock.now())
    assert api.post("auth/second-factor/verify", {"code": code}).status_code == 204
    second_factor.require_fresh(actor(), company.pk, at=clock.now())
    noon.shift(299)
    second_factor.require_fresh(actor(), company.pk, at=clock.now())
    noon.shift(1)
    with pytest.raises(FreshSecondFactorRequired):
        second_factor.require_fresh(actor(), company.pk, at=clock.now())


def test_who_has_none_approves_no_money_where_the_policy_asks_for_one(company):
    demand(company, approval_second_factor=True)
    with pytest.raises(FreshSecondFactorRequired):
        second_factor.require_fresh(User.objects.get().actor(), company.pk, at=clock.now())


def test_machines_neither_approve_nor_activate():
    assert {"approve_", "activate_"} <= set(NEVER_FOR_MACHINES)


def test_verifying_without_one_says_so(company):
    refused = log_in().post("auth/second-factor/verify", {"code": "123456"})
    assert problem(refused)[1]["code"] == "no_second_factor"
