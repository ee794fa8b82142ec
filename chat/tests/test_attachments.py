"""Files in conversations: looked through, bound to one message, seen by those who may talk."""

import base64

import pytest

from chat import services
from chat.models import Attachment, Message
from chat.tests.world import conversation
from chat.transcripts import transcript_of, transcript_pdf
from drivers.numbers import subject_of
from voltop import crypto, files
from voltop.context import Actor
from voltop.tests.files_corpus import jpeg

pytestmark = pytest.mark.django_db

PICTURE = base64.b64encode(jpeg()).decode()
OWN, STAFF = "/api/v1/me/conversations", "/api/v1/conversations"


@pytest.fixture
def talk(cast):
    return conversation(cast.driver, "The plug is broken.")


def uploaded(client, base, talk, name="plug.png", content=PICTURE):
    body = {"content": content, "file_name": name}
    answer = client.post(f"{base}/{talk.pk}/attachments", body, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def said(client, base, talk, **body):
    return client.post(f"{base}/{talk.pk}/messages", body, format="json")


def test_a_photo_goes_with_a_message_and_is_had_by_both_sides(cast, talk, api):
    driver, support = api(cast.driver.user), api(cast.support)
    file = uploaded(driver, OWN, talk)
    assert (file["name"], file["content_type"], file["seq"]) == ("plug.jpg", "image/jpeg", None)
    sent = said(driver, OWN, talk, attachments=[file["id"]], client_id="a")
    assert (sent.status_code, sent.json()["body"]) == (201, "")
    [shown] = said(driver, OWN, talk, attachments=[file["id"]], client_id="a").json()["attachments"]
    assert shown == {key: file[key] for key in ("id", "name", "content_type", "size_bytes")}
    for client, base in ((driver, OWN), (support, STAFF)):
        listed = client.get(f"{base}/{talk.pk}/messages?after=1").json()["results"]
        assert [m["attachments"] for m in listed] == [[shown]]
        got = client.get(f"{base}/{talk.pk}/attachments/{file['id']}/file")
        assert got.content.startswith(b"\xff\xd8\xff")
        assert got.content != jpeg(), "as it came, with what stands beside the picture"
        assert got["Content-Disposition"] == 'attachment; filename="plug.jpg"'
        assert got["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in got["Content-Security-Policy"]


def test_nobody_sees_a_file_before_it_was_sent(cast, talk, api):
    driver, support = api(cast.driver.user), api(cast.support)
    file = uploaded(driver, OWN, talk)
    path = f"attachments/{file['id']}/file"
    assert support.get(f"{STAFF}/{talk.pk}/{path}").status_code == 404
    assert support.get(f"{STAFF}/{talk.pk}/attachments").json()["results"] == []
    assert driver.get(f"{OWN}/{talk.pk}/{path}").status_code == 200
    assert api(cast.other_driver.user).get(f"{OWN}/{talk.pk}/{path}").status_code == 404
    assert api(cast.viewer).get(f"{STAFF}/{talk.pk}/{path}").status_code == 403
    assert api(cast.outsider).get(f"{STAFF}/{talk.pk}/{path}").status_code == 404


def test_a_file_is_sent_once_by_who_handed_it_in_where_it_was(cast, talk, api):
    driver, support = api(cast.driver.user), api(cast.support)
    other = conversation(cast.other_driver, "And mine?")
    file = uploaded(driver, OWN, talk)["id"]
    tried = [
        said(support, STAFF, talk, body="x", attachments=[file]),
        said(api(cast.other_driver.user), OWN, other, body="x", attachments=[file]),
        said(driver, OWN, talk, body="x", attachments=[file, 10**9]),
    ]
    assert said(driver, OWN, talk, body="x", attachments=[file]).status_code == 201
    tried.append(said(driver, OWN, talk, body="y", attachments=[file]))
    assert {answer.json()["code"] for answer in tried} == {"unknown_attachment"}
    assert Message.objects.filter(attachment_count=1).count() == 1


def test_a_message_says_something_or_brings_a_file(cast, talk, api):
    driver = api(cast.driver.user)
    assert said(driver, OWN, talk).json()["code"] == "message_empty"
    assert said(driver, OWN, talk, body="").json()["code"] == "message_empty"
    six = said(driver, OWN, talk, body="x", attachments=[1, 2, 3, 4, 5, 6]).json()
    assert six["code"] == "too_many_items"


def test_the_same_message_with_other_files_is_another(cast, talk, api):
    driver = api(cast.driver.user)
    one, two = (uploaded(driver, OWN, talk)["id"] for _ in range(2))
    assert said(driver, OWN, talk, attachments=[one], client_id="a").status_code == 201
    again = said(driver, OWN, talk, attachments=[two], client_id="a")
    assert again.json()["code"] == "message_mismatch"
    assert said(driver, OWN, talk, client_id="a").json()["code"] == "message_mismatch"


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"<svg onload=alert(1)>", "unsupported_file"), (b"\xff\xd8\xff", "unreadable_file"),
     (b"", "empty_file"), (b"MZ\x90", "unsupported_file")],
)  # fmt: skip
def test_what_is_no_photo_and_no_paper_is_refused(cast, talk, api, content, code):
    body = {"content": base64.b64encode(content).decode(), "file_name": "photo.jpg"}
    answer = api(cast.driver.user).post(f"{OWN}/{talk.pk}/attachments", body, format="json")
    assert answer.json()["code"] == code
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    ("size", "code"), [(10_000_000, "file_too_large"), (11_000_000, "body_too_large")]
)
def test_a_file_that_is_too_large_is_refused_by_name(cast, talk, api, size, code):
    content = base64.b64encode(b"\xff\xd8\xff" + bytes(size)).decode()
    body = {"content": content, "file_name": "plug.jpg"}
    for client, base in ((api(cast.driver.user), OWN), (api(cast.support), STAFF)):
        answer = client.post(f"{base}/{talk.pk}/attachments", body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (413, code)


def handed_in(cast, talk, name="plug.jpg"):
    return services.hand_in_attachment(
        talk,
        actor=Actor("user", cast.driver.user_id, cast.a.pk),
        author=services.Author.driver(cast.driver.user_id),
        file=files.Prepared(b"a picture", "image/jpeg", name),
    )


def test_files_count_against_the_drivers_quotas(cast, talk, api):
    for _ in range(20):
        handed_in(cast, talk)
    body = {"content": PICTURE}
    answer = api(cast.support).post(f"{STAFF}/{talk.pk}/attachments", body, format="json")
    assert answer.json()["code"] == "too_many_files"


def test_a_transcript_names_the_files(cast, talk, api):
    file = uploaded(api(cast.driver.user), OWN, talk)
    said(api(cast.driver.user), OWN, talk, attachments=[file["id"]])
    [only] = transcript_of(cast.driver, names=True)["conversations"]
    assert [m["attachments"] for m in only["messages"]] == [[], ["plug.jpg"]]
    assert transcript_pdf(cast.driver, names=True).startswith(b"%PDF")


def test_files_go_with_the_drivers_key(cast, talk, api):
    driver = api(cast.driver.user)
    file = uploaded(driver, OWN, talk)
    said(driver, OWN, talk, attachments=[file["id"]])
    crypto.destroy(subject_of(cast.driver.pk), cast.a.pk)
    gone = driver.get(f"{OWN}/{talk.pk}/attachments/{file['id']}/file")
    assert gone.json()["code"] == "key_destroyed"
