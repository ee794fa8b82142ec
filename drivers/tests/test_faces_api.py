"""Faces through API and admin: consent, photos, checks, staff's word; and what the inbox says."""

import base64

import pytest
from django.test import Client

from drivers import home, services
from drivers.faces import consent
from drivers.models import FaceCheck, FaceTemplate
from drivers.panels import face
from drivers.tests.painted_faces import PaintedFaces, ask_for_faces, enrol, painted, photo
from voltop import clock
from voltop.context import Actor
from voltop.tests.cast import PASSWORD

pytestmark = pytest.mark.django_db
FACE, CHECKS, ALL = "/api/v1/me/face", "/api/v1/me/face/checks", "/api/v1/face-checks"


def sent(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def enrolment(*raw: bytes, version: str = consent.VERSION) -> dict:
    return {"consent_version": version, "photos": [sent(each) for each in raw]}


def test_from_consent_to_a_passed_check_and_out_again(cast, api):
    ask_for_faces(cast.a)
    phone, office = api(cast.driver.user), api(cast.dispatcher)
    shown = phone.get(FACE).json()
    assert (shown["wanted"], shown["check_needed"], shown["enrolled_at"]) == (True, True, None)
    assert shown["consent"]["version"] == consent.VERSION
    body = enrolment(*(painted(1, take) for take in (1, 2, 3)), version=shown["consent"]["version"])
    made = phone.post(FACE, body, format="json")
    assert made.status_code == 201, made.json()
    assert made.json()["consent_version"] == consent.VERSION
    checked = phone.post(CHECKS, {"photo": sent(painted(1, 9))}, format="json")
    assert checked.status_code == 201, checked.json()
    assert (checked.json()["result"], checked.json()["liveness"]) == ("passed", "not_checked")
    assert phone.get(FACE).json()["check_needed"] is False
    assert phone.get(CHECKS).json()["results"] == [checked.json()]
    assert office.get(ALL, {"driver": cast.driver.pk}).json()["results"] == [checked.json()]
    assert phone.delete(FACE).status_code == 204
    assert phone.get(FACE).json()["enrolled_at"] is None
    refused = phone.post(CHECKS, {"photo": sent(painted(1, 10))}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "face_not_enrolled")


def test_the_consent_is_shown_in_the_drivers_language(cast, api):
    words = {
        language: api(cast.driver.user, accept_language=language)
        .get(FACE)
        .json()["consent"]["text"]
        for language in ("en", "es", "pt", "de")
    }
    assert len(set(words.values())) == 4
    assert all("128" in text and "30" in text for text in words.values())


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (enrolment(b"", b"", b"", version="2020-01"), 400, "empty_file"),
        (enrolment(b"<html>", b"", b""), 415, "unsupported_file"),
        (enrolment(b"x", b"x"), 400, "too_few_items"),
        (enrolment(*[b"x"] * 6), 400, "too_many_items"),
        (enrolment(bytes(2_000_001), b"x", b"x"), 413, "file_too_large"),
        (enrolment(*[b"\xff\xd8\xff" + bytes(4_000_000)] * 3), 413, "body_too_large"),
    ],
)
def test_what_is_no_enrolment_is_refused_and_leaves_nothing(cast, api, body, status, code):
    ask_for_faces(cast.a)
    answer = api(cast.driver.user).post(FACE, body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not FaceTemplate.objects.exists()


def test_without_an_engine_enrolment_is_503_and_a_check_is_told_unavailable(cast, api, monkeypatch):
    ask_for_faces(cast.a)
    enrol(cast, cast.driver)
    monkeypatch.setattr(PaintedFaces, "is_down", True)
    phone = api(cast.driver.user)
    refused = phone.post(FACE, enrolment(*(painted(1, n) for n in (4, 5, 6))), format="json")
    assert (refused.status_code, refused.json()["code"]) == (503, "face_engine_unavailable")
    assert refused["Retry-After"]
    made = phone.post(CHECKS, {"photo": sent(painted(1, 9))}, format="json").json()
    assert (made["result"], made["refusal"]) == ("unavailable", "face_engine_unavailable")


def test_a_refused_photo_keeps_its_slot_also_with_an_idempotency_key(cast, api):
    ask_for_faces(cast.a)
    key = {"HTTP_IDEMPOTENCY_KEY": "one-key-for-both"}
    answer = api(cast.driver.user).post(CHECKS, {"photo": ""}, format="json", **key)
    assert answer.json()["code"] == "idempotency_key_refused"


def test_staff_set_a_check_aside_and_the_driver_may_start(cast, api):
    ask_for_faces(cast.a)
    office = api(cast.dispatcher)
    made = office.post(ALL, {"driver": cast.driver.pk, "reason": "I see her"}, format="json")
    assert (made.status_code, made.json()["result"]) == (201, "overridden")
    assert api(cast.driver.user).get(FACE).json()["check_needed"] is False
    foreign = office.post(ALL, {"driver": cast.foreign_driver.pk, "reason": "x"}, format="json")
    assert foreign.status_code == 400


# --- The day at a glance -------------------------------------------------------------------------
def asked_today(phone) -> dict | None:
    answer = phone.get("/api/v1/me/today")
    assert answer.status_code == 200, answer.json()
    return answer.json()["face"]


def test_the_day_asks_to_enrol_where_the_company_asks_for_faces(cast, api):
    phone = api(cast.driver.user, accept_language="es")
    assert asked_today(phone) is None
    ask_for_faces(cast.a, "random", face_check_pct=0)
    asked = {"code": "face_not_enrolled", "detail": "Entregue primero fotos de su rostro."}
    assert asked_today(phone) == asked
    ask_for_faces(cast.a, "never", face_login="always")
    assert asked_today(phone) == asked
    enrol(cast, cast.driver)
    assert asked_today(phone) is None
    phone.delete(FACE)
    assert asked_today(phone) == asked
    assert asked_today(api(cast.other_driver.user))["code"] == "face_not_enrolled"


def test_the_day_asks_to_agree_anew_where_the_text_did_not_speak_of_log_in(cast, api):
    phone = api(cast.driver.user)
    ask_for_faces(cast.a)
    enrol(cast, cast.driver)
    FaceTemplate.objects.update(consent_version="2026-11")
    assert asked_today(phone) is None
    ask_for_faces(cast.a, face_login="new_phone")
    assert asked_today(phone)["code"] == "face_consent_required"


def test_the_day_asks_nothing_of_who_leaves(cast, api):
    ask_for_faces(cast.a)
    services.leave_driver(cast.driver, actor=cast.actor(), reason="moves away")
    assert asked_today(api(cast.driver.user)) is None


# --- The admin, the inbox ------------------------------------------------------------------------
@pytest.fixture
def desk(cast) -> Client:
    client = Client()
    assert client.login(username=cast.dispatcher.email, password=PASSWORD)
    return client


def act(desk, driver, action, reason):
    body = {"action": action, "_selected_action": [driver.pk], "reason": reason}
    return desk.post("/admin/drivers/driver/", body, follow=True)


def test_the_drivers_page_shows_checks_and_never_a_template(cast, desk):
    ask_for_faces(cast.a)
    template = enrol(cast, cast.driver)
    services.set_aside_face_check(cast.driver, actor=cast.actor(), reason="I see her")
    page = desk.get(f"/admin/drivers/driver/{cast.driver.pk}/change/")
    assert b"I see her" in page.content
    assert consent.VERSION.encode() in page.content
    assert bytes(template.sealed).hex().encode() not in page.content
    assert face(cast.driver, cast.a.pk).permission == "drivers.view_facecheck"
    listed = desk.get("/admin/drivers/facecheck/")
    assert (listed.status_code, b"I see her" in listed.content) == (200, True)


def test_actions_set_a_check_aside_and_delete_a_face_with_a_reason(cast, desk):
    ask_for_faces(cast.a)
    enrol(cast, cast.driver)
    act(desk, cast.driver, "set_aside_facecheck__set_aside", "I see her")
    assert FaceCheck.objects.get().reason == "I see her"
    act(desk, cast.driver, "set_aside_facecheck__delete_face", "")
    assert FaceTemplate.objects.exists()
    act(desk, cast.driver, "set_aside_facecheck__delete_face", "grew a beard")
    assert not FaceTemplate.objects.exists()


def waiting(kind: str) -> int:
    work = {each.kind: each for each in home.work()}[kind]
    return work.rows(None).count()


def test_what_needs_a_look_is_in_the_inbox(cast, monkeypatch):
    ask_for_faces(cast.a)
    enrol(cast, cast.driver)
    actor, now = Actor("user", cast.driver.user_id, cast.a.pk), clock.now()
    for take in (1, 2, 3):
        assert waiting("drivers.face_refused") == 0
        services.check_face(cast.driver, actor=actor, photo=photo(2, take), at=now)
    assert waiting("drivers.face_refused") == 1
    services.set_aside_face_check(cast.driver, actor=actor.system("x", cast.a.pk), reason="seen")
    monkeypatch.setattr(PaintedFaces, "is_down", True)
    services.check_face(cast.driver, actor=actor, photo=photo(1, 9))
    monkeypatch.setattr(PaintedFaces, "is_down", False)
    assert waiting("drivers.face_unchecked") == 1
    services.withdraw_face(cast.driver, actor=actor)
    assert waiting("drivers.face_anew") == 0
    enrol(cast, cast.driver, person=3)
    assert waiting("drivers.face_anew") == 1
