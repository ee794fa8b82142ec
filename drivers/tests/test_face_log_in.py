"""The face as the last step of a log-in: asked for by rules, after the rest, never in its place."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from drivers import home, services
from drivers.errors import FaceAttemptsUsedUp, FaceNotRecognised, OwnFaceCheck
from drivers.faces.standing import face_needed
from drivers.models import Driver, FaceCheck, FaceTemplate
from drivers.tests.painted_faces import PaintedFaces, enrol, painted
from fleets.errors import FaceRequired
from fleets.models import AuditEntry, FleetPolicy, RefreshFamily, User
from fleets.services import auth, challenges, second_factor
from fleets.tests.logins import Api
from fleets.tests.test_second_factor import code_at
from voltop import clock
from voltop.context import Actor
from voltop.tests.cast import PASSWORD, Cast
from voltop.tests.parallel import at_once

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 12, 10, 12, 0, tzinfo=UTC)
PHONE, OTHER_PHONE = "a-phone-of-one's-own", "another-phone-altogether"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def noon(time_machine):
    time_machine.move_to(NOON, tick=False)
    return time_machine


def ask_at_log_in(provider, mode: str = "always", **values) -> None:
    FleetPolicy.objects.filter(provider=provider).update(face_login=mode, **values)


@pytest.fixture
def driver(cast) -> Driver:
    ask_at_log_in(cast.a)
    enrol(cast, cast.driver)
    return cast.driver


def password_step(user: User, phone: str = PHONE, password: str = PASSWORD):
    body = {"login": user.email, "password": password, "device": {"id": phone, "name": "Pixel"}}
    return Api().post("auth/token", body)


def challenge_of(user: User, phone: str = PHONE) -> str:
    answer = password_step(user, phone)
    assert (answer.status_code, answer.json()["code"]) == (401, "face_required"), answer.json()
    return answer.json()["extra"]["challenge"]


def show(challenge: str, person: int = 1, take: int = 9, **faults):
    shown = base64.b64encode(painted(person, take, **faults)).decode()
    return Api().post("auth/face/log-in", {"challenge": challenge, "photo": shown})


def told(answer) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


# --- Asked for, and shown ------------------------------------------------------------------------
def test_a_right_password_and_the_face_give_tokens(cast, driver):
    refused = password_step(driver.user).json()
    assert (refused["extra"]["expires_in_s"], refused["extra"]["company"]) == (300, cast.a.name)
    assert not RefreshFamily.objects.filter(user=driver.user).exists()
    answer = show(refused["extra"]["challenge"])
    assert answer.status_code == 200, answer.json()
    own = Client().get(
        "/api/v1/auth/me", headers={"Authorization": f"Bearer {answer.json()['access_token']}"}
    )
    assert own.json()["email"] == driver.user.email
    check = FaceCheck.objects.get()
    assert (check.purpose, check.result, check.liveness) == ("login", "passed", "not_checked")
    family = RefreshFamily.objects.get(user=driver.user)
    assert (family.device_label, family.second_factor_at) == ("Pixel", None)
    assert auth.is_known_device(driver.user_id, auth.Device(PHONE).hash)


def test_nothing_says_that_a_face_is_asked_for_before_the_password_is_right(cast, driver):
    ask_at_log_in(cast.b, "never")
    asked = password_step(driver.user, password="not the password")
    other = password_step(cast.foreign_driver.user, password="not the password")
    nobody = Api().post("auth/token", {"login": "nobody@example.com", "password": "x" * 12})
    bodies = [{**each.json(), "request_id": ""} for each in (asked, other, nobody)]
    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[0]["code"] == "invalid_credentials"


def test_a_right_code_does_not_do_without_the_face(driver):
    begun = challenges.Begun(driver.user, "Pixel", auth.Device(PHONE).hash)
    with pytest.raises(FaceRequired):
        auth.enter(driver.user, auth.Device(PHONE, "Pixel"), clock.now())
    with pytest.raises(FaceRequired):
        auth.go_on(begun, clock.now())


def test_a_second_factor_comes_first_and_the_face_after_it(driver):
    user = driver.user
    begun = second_factor.begin(user, actor=user.actor())
    now = clock.now()
    second_factor.confirm(user, code_at(begun.secret, now), actor=user.actor(), family=None)
    first = password_step(user)
    assert told(first) == (401, "second_factor_required")
    totp = first.json()["extra"]["challenge"]
    assert told(show(totp)) == (401, "invalid_credentials")  # no way round the code
    body = {"challenge": totp, "code": code_at(begun.secret, now + timedelta(seconds=30))}
    second = Api().post("auth/second-factor/log-in", body)
    assert told(second) == (401, "face_required")
    assert show(second.json()["extra"]["challenge"]).status_code == 200
    assert RefreshFamily.objects.get(user=user).second_factor_at == now


def test_a_challenge_of_the_face_opens_no_other_step(driver):
    body = {"challenge": challenge_of(driver.user), "code": "123456"}
    answer = Api().post("auth/second-factor/log-in", body)
    assert told(answer) == (401, "invalid_credentials")


@pytest.mark.parametrize("spoil", ["forged", "late", "password", "disabled"])
def test_a_challenge_that_is_no_longer_good_opens_nothing(driver, noon, spoil):
    challenge = challenge_of(driver.user)
    if spoil == "forged":
        challenge = f"{challenge[:-2]}xx"
    elif spoil == "late":
        noon.move_to(NOON + timedelta(seconds=301), tick=False)
    elif spoil == "password":
        auth.set_password(driver.user, "another long password", actor=driver.user.actor())
    else:
        User.objects.filter(pk=driver.user_id).update(is_active=False)
    assert told(show(challenge)) == (401, "invalid_credentials")
    assert not FaceCheck.objects.exists()


# --- Who is asked --------------------------------------------------------------------------------
def test_who_has_not_enrolled_logs_in_without(cast):
    ask_at_log_in(cast.a)
    assert password_step(cast.driver.user).status_code == 200


def test_without_the_rule_nobody_is_asked(cast, driver):
    ask_at_log_in(cast.a, "never")
    assert password_step(driver.user).status_code == 200


def test_who_leaves_or_has_left_is_not_asked(cast, driver):
    services.leave_driver(driver, actor=cast.actor(), reason="moves away")
    assert password_step(driver.user).status_code == 200


def test_consent_to_a_text_without_log_in_is_none_to_be_asked_there(driver):
    FaceTemplate.objects.update(consent_version="2026-11")
    assert password_step(driver.user).status_code == 200


def test_a_new_phone_is_asked_and_a_known_one_not(cast, driver):
    ask_at_log_in(cast.a, "new_phone")
    assert show(challenge_of(driver.user)).status_code == 200
    assert password_step(driver.user).status_code == 200
    assert show(challenge_of(driver.user, OTHER_PHONE), take=10).status_code == 200
    anonymous = {"login": driver.user.email, "password": PASSWORD}
    for _again in range(2):  # a phone that does not say which it is
        assert told(Api().post("auth/token", anonymous)) == (401, "face_required")


def at_two_companies(cast, *, here: dict, there: dict) -> Driver:
    """The driver, enrolled at both as different people, so that it shows who compares."""
    driver = cast.driver
    other = services.invite_driver(
        cast.b, actor=cast.actor(cast.b), email=driver.user.email, given_name="D", family_name="D"
    )
    assert other.user_id == driver.user_id
    ask_at_log_in(cast.a, **here)
    ask_at_log_in(cast.b, **there)
    enrol(cast, driver, person=1)
    enrol(cast, other, person=2)
    return driver


@pytest.mark.parametrize(
    ("here", "there", "asks"),
    [
        ({"mode": "always"}, {"mode": "new_phone"}, 1),
        ({"mode": "new_phone"}, {"mode": "always"}, 2),
        ({"face_unavailable": "allow"}, {"face_unavailable": "block"}, 2),
        ({"face_max_distance": "0.40"}, {"face_max_distance": "0.50"}, 1),
        ({"face_max_distance": "0.50"}, {"face_max_distance": "0.40"}, 2),
    ],
)
def test_of_two_companies_the_strictest_asks(cast, here, there, asks):
    driver = at_two_companies(cast, here=here, there=there)
    answer = password_step(driver.user).json()["extra"]
    assert answer["company"] == {1: cast.a.name, 2: cast.b.name}[asks]
    assert told(show(answer["challenge"], 3 - asks)) == (401, "face_not_recognised")
    assert show(answer["challenge"], asks, take=10).status_code == 200


# --- Not recognised ------------------------------------------------------------------------------
def test_a_stranger_has_three_tries_and_no_tokens(cast, driver):
    challenge = challenge_of(driver.user)
    for take, left in ((1, 2), (2, 1), (3, 0)):
        answer = show(challenge, 2, take)
        assert told(answer) == (401, "face_not_recognised")
        assert answer.json()["extra"] == {"reason": "face_mismatch", "attempts_left": left}
    again = show(challenge)  # the right face, too late
    assert told(again) == (429, "face_attempts_used_up")
    assert again["Retry-After"] == "3600"
    assert not RefreshFamily.objects.filter(user=driver.user).exists()
    refused = {each.kind: each for each in home.work()}["drivers.face_refused"]
    assert refused.rows(cast.a.pk).count() == 1
    assert AuditEntry.objects.filter(action="face.checked").count() == 3


def test_a_photo_logs_in_once_and_none_of_the_enrolment(cast, driver):
    enrol(cast, driver, photos=[services.prepare_photo(painted(1, take)) for take in (1, 2, 3)])
    challenge = challenge_of(driver.user)
    assert show(challenge).status_code == 200
    for take in (9, 1):  # the one of a moment ago; one of the enrolment
        answer = show(challenge_of(driver.user), take=take)
        assert told(answer) == (401, "face_not_recognised")
        assert answer.json()["extra"]["reason"] == "face_image_replayed"
    assert RefreshFamily.objects.filter(user=driver.user).count() == 1


def test_a_photo_of_a_start_is_none_of_a_log_in_nor_the_other_way_round(cast, driver):
    own = Actor("user", driver.user_id, cast.a.pk)
    services.check_face(driver, actor=own, photo=services.prepare_photo(painted(1, 20)))
    assert told(show(challenge_of(driver.user), take=20)) == (401, "face_not_recognised")
    assert show(challenge_of(driver.user), take=21).status_code == 200
    made = services.check_face(driver, actor=own, photo=services.prepare_photo(painted(1, 21)))
    assert (made.result, made.refusal) == ("failed", "face_image_replayed")


def test_a_photo_that_cannot_be_judged_is_no_failure(driver):
    challenge = challenge_of(driver.user)
    for number in range(4):
        assert told(show(challenge, take=number, faces=0)) == (400, "face_photo_refused")
    assert show(challenge).status_code == 200


def test_photos_are_limited_before_they_are_decoded(driver, monkeypatch):
    challenge = challenge_of(driver.user)
    for _number in range(20):
        body = {"challenge": challenge, "photo": "AAAA"}
        assert told(Api().post("auth/face/log-in", body)) == (415, "unsupported_file")
    assert told(show(challenge)) == (429, "too_many_attempts")


@pytest.mark.parametrize(
    ("shown", "status", "code"),
    [
        ("", 400, "empty_file"),
        ("no base64!", 400, "invalid_base64"),
        (base64.b64encode(b"<html>").decode(), 415, "unsupported_file"),
        (base64.b64encode(bytes(2_000_001)).decode(), 413, "file_too_large"),
        ("A" * 2_800_000, 413, "body_too_large"),
    ],
)
def test_what_is_no_photo_is_refused(driver, shown, status, code):
    body = {"challenge": challenge_of(driver.user), "photo": shown}
    assert told(Api().post("auth/face/log-in", body)) == (status, code)
    assert not FaceCheck.objects.exists()


# --- Without an engine ---------------------------------------------------------------------------
def test_where_the_rules_allow_it_an_engine_that_is_down_lets_through_and_is_seen(
    cast, driver, monkeypatch
):
    monkeypatch.setattr(PaintedFaces, "is_down", True)
    assert show(challenge_of(driver.user)).status_code == 200
    check = FaceCheck.objects.get()
    assert (check.purpose, check.result) == ("login", "unavailable")
    unchecked = {each.kind: each for each in home.work()}["drivers.face_unchecked"]
    assert unchecked.rows(cast.a.pk).count() == 1


def test_where_the_rules_block_it_nobody_logs_in_meanwhile(cast, driver, monkeypatch):
    ask_at_log_in(cast.a, face_unavailable="block")
    monkeypatch.setattr(PaintedFaces, "is_down", True)
    challenge = challenge_of(driver.user)
    answer = show(challenge)
    assert told(answer) == (503, "face_engine_unavailable")
    assert answer["Retry-After"]
    assert FaceCheck.objects.get().result == "unavailable"  # and staff see it
    monkeypatch.setattr(PaintedFaces, "is_down", False)
    assert show(challenge, take=10).status_code == 200


def test_a_template_of_another_engine_locks_nobody_out(driver):
    FaceTemplate.objects.update(model="of last year")
    assert show(challenge_of(driver.user)).status_code == 200
    assert FaceCheck.objects.get().result == "unavailable"


# --- Staff's word --------------------------------------------------------------------------------
def let_pass(cast, driver, **values):
    values = {"actor": cast.actor(), "reason": "I saw her passport", **values}
    return services.set_aside_face_check(driver, purpose="login", **values)


def test_staff_let_one_log_in_pass_by_the_password_alone(cast, driver):
    challenge = challenge_of(driver.user)
    for take in (1, 2, 3):
        show(challenge, 2, take)
    check = let_pass(cast, driver)
    assert password_step(driver.user).status_code == 200
    assert told(password_step(driver.user)) == (401, "face_required")
    check.refresh_from_db()
    assert check.used_at == NOON
    entry = AuditEntry.objects.get(action="face.let_pass")
    assert (entry.object_id, entry.reason) == (str(check.pk), "I saw her passport")
    assert entry.actor == f"user:{driver.user_id}"


def test_it_does_for_a_log_in_that_waits_for_the_face_too(cast, driver):
    challenge = challenge_of(driver.user)
    let_pass(cast, driver)
    assert show(challenge, person=2).status_code == 200
    assert not FaceCheck.objects.exclude(result="overridden").exists()


def test_it_holds_for_as_long_as_a_check_does(cast, driver, noon):
    let_pass(cast, driver)
    noon.move_to(NOON + 12 * HOUR, tick=False)
    assert told(password_step(driver.user)) == (401, "face_required")


def test_it_is_no_ones_own_and_needs_the_right_password(cast, driver):
    with pytest.raises(OwnFaceCheck):
        let_pass(cast, driver, actor=Actor("user", driver.user_id, cast.a.pk))
    let_pass(cast, driver)
    assert told(password_step(driver.user, password="not the password"))[0] == 401
    assert password_step(driver.user).status_code == 200


def test_one_set_aside_before_a_start_lets_nobody_log_in_nor_the_other_way_round(cast, driver):
    FleetPolicy.objects.filter(provider=cast.a).update(face_check="always")
    services.set_aside_face_check(driver, actor=cast.actor(), reason="I see her")
    challenge = challenge_of(driver.user)
    FaceCheck.objects.all().delete()
    let_pass(cast, driver)
    show(challenge)
    assert show(challenge_of(driver.user)).status_code == 200
    assert FaceCheck.objects.filter(result="passed", purpose="login").exists()
    assert face_needed(driver, FleetPolicy.objects.get(provider=cast.a), clock.now())


def test_staff_let_a_log_in_pass_over_the_api_and_on_the_drivers_page(cast, driver, api):
    body = {"driver": driver.pk, "reason": "I see her", "purpose": "login"}
    made = api(cast.dispatcher).post("/api/v1/face-checks", body, format="json")
    assert (made.status_code, made.json()["purpose"]) == (201, "login")
    assert made.json()["used_at"] is None
    desk = Client()
    assert desk.login(username=cast.dispatcher.email, password=PASSWORD)
    page = desk.get(f"/admin/drivers/driver/{driver.pk}/change/").content
    assert b"Let log in once without face" in page
    act = {"action": "set_aside_facecheck__let_log_in", "_selected_action": [driver.pk]}
    desk.post("/admin/drivers/driver/", {**act, "reason": "again"}, follow=True)
    assert list(FaceCheck.objects.values_list("purpose", flat=True)) == ["login", "login"]
    ask_at_log_in(cast.a, "never")
    page = desk.get(f"/admin/drivers/driver/{driver.pk}/change/").content
    assert b"Let log in once without face" not in page


def test_the_database_knows_nothing_used_but_what_was_set_aside_for_a_log_in(cast, driver):
    show(challenge_of(driver.user))
    services.set_aside_face_check(driver, actor=cast.actor(), reason="I see her")
    for check in FaceCheck.objects.all():
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE drivers_facecheck SET used_at = now() WHERE id = %s", [check.pk])


# --- At once -------------------------------------------------------------------------------------
def ready() -> tuple[Cast, Driver]:
    cast = Cast()
    ask_at_log_in(cast.a)
    enrol(cast, cast.driver)
    return cast, cast.driver


def begun_by(driver: Driver) -> str:
    begun = challenges.Begun(driver.user, "Pixel", auth.Device(PHONE).hash)
    return str(challenges.ask(FaceRequired, begun, "face").extra["challenge"])


@pytest.mark.django_db(transaction=True)
def test_of_eight_strangers_at_once_three_are_compared_and_none_is_let_in():
    _cast, driver = ready()
    challenge = begun_by(driver)
    results = at_once(
        [
            lambda take=take: services.finish_log_in(challenge=challenge, photo=painted(2, take))
            for take in range(8)
        ]
    )
    assert sum(isinstance(each, FaceNotRecognised) for each in results) == 3, results
    assert sum(isinstance(each, FaceAttemptsUsedUp) for each in results) == 5, results
    assert not RefreshFamily.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_one_photo_sent_eight_times_at_once_logs_in_once():
    _cast, driver = ready()
    challenge, shown = begun_by(driver), painted(1, 9)
    at_once([lambda: services.finish_log_in(challenge=challenge, photo=shown) for _ in range(8)])
    assert RefreshFamily.objects.count() == 1
    assert FaceCheck.objects.filter(result="passed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_eight_log_ins_at_once_one_word_of_staff_lets_one_pass():
    cast, driver = ready()
    let_pass(cast, driver)
    device = auth.Device(PHONE)
    results = at_once([lambda: auth.enter(driver.user, device, clock.now()) for _ in range(8)])
    assert sum(isinstance(each, auth.TokenPair) for each in results) == 1, results
    assert sum(isinstance(each, FaceRequired) for each in results) == 7, results
