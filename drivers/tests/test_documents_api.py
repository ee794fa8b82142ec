"""Papers through the API: a driver hands in, staff judge, nobody else sees anything."""

import base64
import io

import pytest
from PIL import Image

from drivers import services
from drivers.models import DriverDocument
from drivers.tests.papers import demand, hand_in
from fleets import services as fleet_services
from fleets.errors import PolicyOutOfRange
from voltop import files
from voltop.tests import files_corpus as corpus

pytestmark = pytest.mark.django_db

OWN, ALL = "/api/v1/me/papers", "/api/v1/documents"


def body(raw: bytes, **values) -> dict:
    content = base64.b64encode(raw).decode()
    return {"kind": "driving_licence", "file_name": "me.png", "content": content, **values}


def test_a_photo_goes_from_the_phone_to_a_judge_and_makes_active(cast, api):
    demand(cast.a, "driving_licence")
    driver = cast.new_driver("Mona", active=False)
    services.onboard_driver(driver, actor=cast.actor())
    phone, office = api(driver.user), api(cast.dispatcher)
    assert phone.get(f"{OWN}/demanded").json() == {
        "papers": [
            {"kind": "driving_licence", "state": "missing", "expires_on": None, "document": None}
        ]
    }
    values = {"number": "LIC-004217", "country": "MX", "categories": ["B", "D1"]}
    made = phone.post(OWN, body(corpus.held_sideways(), **values), format="json")
    assert made.status_code == 201, made.json()
    shown = made.json()
    assert (shown["status"], shown["number_mask"]) == ("pending", "•••• 217")
    assert shown["file"] == {
        "name": "me.jpg", "content_type": "image/jpeg", "size_bytes": shown["file"]["size_bytes"],
    }  # fmt: skip
    assert b"LIC-004217" not in made.content
    assert office.get(ALL, {"status": "pending"}).json()["results"] == [shown]
    answer = phone.get(f"{OWN}/{shown['id']}/file")
    assert answer["Content-Disposition"] == 'attachment; filename="me.jpg"'
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.size, dict(picture.getexif())) == ((40, 60), {})
    assert office.post(f"{ALL}/{shown['id']}/approve").json()["status"] == "approved"
    driver.refresh_from_db()
    assert driver.status == "active"
    [standing] = phone.get(f"{OWN}/demanded").json()["papers"]
    assert (standing["state"], standing["document"]) == ("approved", shown["id"])


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, "empty_file"),
        (b"<html>", 415, "unsupported_file"),
        (b"\xff\xd8\xff" + bytes(10_000_000 - 2), 413, "file_too_large"),
        (b"\xff\xd8\xff" + bytes(11_000_000), 413, "body_too_large"),
    ],
)
def test_what_is_no_paper_is_refused_and_leaves_nothing(cast, api, raw, status, code):
    answer = api(cast.driver.user).post(OWN, body(raw), format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not DriverDocument.objects.exists()
    assert not files.StoredFile.objects.exists()


def test_a_repeated_upload_is_one_paper(cast, api):
    phone = api(cast.driver.user)
    for _time in range(2):
        answer = phone.post(
            OWN, body(corpus.pdf()), format="json", headers={"Idempotency-Key": "one-paper"}
        )
        assert answer.status_code == 201, answer.json()
    assert DriverDocument.objects.count() == files.StoredFile.objects.count() == 1


def test_papers_are_their_drivers_and_their_companys(cast, api):
    own, foreign = hand_in(cast, cast.driver), hand_in(cast, cast.foreign_driver)
    peer = hand_in(cast, cast.other_driver)
    phone, office = api(cast.driver.user), api(cast.owner)
    assert [row["id"] for row in phone.get(OWN).json()["results"]] == [own.pk]
    for document in (peer, foreign):
        assert phone.get(f"{OWN}/{document.pk}/file").status_code == 404
    assert office.get(f"{ALL}/{foreign.pk}/file").status_code == 404
    assert office.post(f"{ALL}/{foreign.pk}/approve").status_code == 404
    assert phone.get(ALL).status_code == 403


def test_a_rejection_needs_its_reason(cast, api):
    document, office = hand_in(cast, cast.driver), api(cast.dispatcher)
    refused = office.post(f"{ALL}/{document.pk}/reject", {}, format="json")
    assert refused.json()["code"] == "reason_required"
    answer = office.post(f"{ALL}/{document.pk}/reject", {"reason": "blurred"}, format="json")
    assert (answer.json()["status"], answer.json()["refusal"]) == ("rejected", "blurred")


def test_only_papers_that_exist_can_be_demanded(cast):
    for kinds in (["library_card"], ["other"], ["national_id", "national_id"], "national_id"):
        with pytest.raises(PolicyOutOfRange):
            fleet_services.change_policy(
                cast.a, actor=cast.actor(), values={"driver_documents": kinds}
            )
    changed = fleet_services.change_policy(
        cast.a, actor=cast.actor(), values={"driver_documents": ["national_id"]}
    )
    assert changed.driver_documents == ["national_id"]
