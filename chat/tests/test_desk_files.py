"""Files at the desk: shown in the talk, sent with an answer, refused as the API refuses them."""

from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from chat import services
from chat.models import Attachment
from chat.tests.test_conversations import ask, said
from chat.tests.world import sent_file
from drivers.numbers import subject_of
from drivers.services import documents
from voltop import crypto, files
from voltop.tests.cast import Cast
from voltop.tests.files_corpus import jpeg
from voltop.tests.parallel import at_once

PDF = b"%PDF-1.7\n1 0 obj << /Type /Page >> endobj\nstartxref\n0\n%%EOF\n"


@pytest.fixture
def talk(cast):
    return ask(cast.driver, "The plug is broken.")


@pytest.fixture
def desk(cast, client):
    client.force_login(cast.support)
    return client


def page_of(conversation):
    return reverse("admin:chat_conversation_change", args=(conversation.pk,))


def file_of(conversation, attachment):
    return reverse("admin:chat_conversation_file", args=(conversation.pk, attachment.pk))


def photo(name="plug.png", content=None):
    return SimpleUploadedFile(name, jpeg() if content is None else content)


def send(desk, talk, *uploads, reply="", key=None):
    form = {"reply": reply, "reply_key": key or f"desk-{uuid4()}", "note": "", "assignee": ""}
    return desk.post(page_of(talk), {**form, "priority": "normal", "attachments": list(uploads)})


def errors_of(response):
    assert response.status_code == 200
    return response.context["adminform"].form.errors


def test_files_are_sent_with_an_answer_or_without_words(cast, talk, desk, api):
    pdf = photo("manual.pdf", PDF)
    assert send(desk, talk, photo(), pdf, reply="Look at page one.").status_code == 302
    assert send(desk, talk, photo("again.png")).status_code == 302
    driver = api(cast.driver.user)
    listed = driver.get(f"/api/v1/me/conversations/{talk.pk}/messages?after=1").json()["results"]
    told = [(row["body"], [file["name"] for file in row["attachments"]]) for row in listed]
    assert told == [("Look at page one.", ["plug.jpg", "manual.pdf"]), ("", ["again.jpg"])]
    assert {row.author_id for row in Attachment.objects.all()} == {cast.support.pk}


def test_the_talk_shows_files_with_name_kind_and_size(cast, talk, desk):
    attachment = sent_file(talk, "plug.jpg")
    page = desk.get(page_of(talk)).content.decode()
    address = file_of(talk, attachment)
    assert f'<img src="{address}" alt="plug.jpg" loading="lazy">' in page
    assert "JPEG, 9\xa0bytes" in page
    news = desk.get(reverse("admin:chat_conversation_news", args=(talk.pk,)), {"after": 1}).json()
    [file] = news["talk"][0]["files"]
    assert (file["name"], file["url"], file["picture"]) == ("plug.jpg", address, True)
    got = desk.get(address)
    assert (got.content, got["Content-Type"]) == (b"a picture", "image/jpeg")
    assert got["Content-Disposition"] == 'attachment; filename="plug.jpg"'
    assert "sandbox" in got["Content-Security-Policy"]


def test_a_file_is_had_where_it_was_sent_by_who_may_read(cast, talk, desk, client):
    attachment = sent_file(talk, "plug.jpg")
    other, foreign = ask(cast.other_driver), ask(cast.foreign_driver)
    assert desk.get(file_of(other, attachment)).status_code == 404
    assert desk.get(file_of(foreign, sent_file(foreign, "x.jpg"))).status_code == 404
    author = services.Author.driver(cast.driver.user_id)
    file = files.Prepared(b"a picture", "image/jpeg", "draft.jpg")
    draft = services.hand_in_attachment(talk, actor=cast.actor(), author=author, file=file)
    assert desk.get(file_of(talk, draft)).status_code == 404, "it was not sent yet"
    client.force_login(cast.viewer)
    assert client.get(file_of(talk, attachment)).status_code == 403


REFUSED = {
    "too_many_items": [photo(f"{number}.png") for number in range(6)],
    "unsupported_file": [photo(), photo("notes.txt", b"hello")],
    "empty_file": [photo("empty.png", b"")],
    "active_pdf": [photo("form.pdf", PDF.replace(b"/Type", b"/JavaScript 1 /Type", 1))],
    "unreadable_file": [photo("half.png", jpeg()[:200])],
}


@pytest.mark.parametrize("code", REFUSED)
def test_a_refused_file_is_named_and_nothing_is_sent(talk, desk, code):
    uploads = REFUSED[code]
    for upload in uploads:
        upload.seek(0)
    found = errors_of(send(desk, talk, *uploads, reply="Look."))
    [error] = found.as_data()["attachments"]
    assert error.code == code
    if code != "too_many_items":
        assert str(error.message).startswith(f"{uploads[-1].name}: ")
    assert (len(said(talk)), Attachment.objects.count()) == (1, 0)


def test_a_file_that_is_too_large_is_refused(talk, desk, monkeypatch):
    monkeypatch.setattr("voltop.files.preparing.MAX_BYTES", 100)
    [error] = errors_of(send(desk, talk, photo())).as_data()["attachments"]
    assert error.code == "file_too_large"


def test_the_quotas_of_the_driver_hold_at_the_desk_too(talk, desk, monkeypatch):
    monkeypatch.setattr(documents, "MAX_FILES_PER_HOUR", 2)
    found = errors_of(send(desk, talk, photo(), photo(), photo(), reply="Three of them."))
    assert [error.code for error in found.as_data()["__all__"]] == ["too_many_files"]
    assert (len(said(talk)), Attachment.objects.count()) == (1, 0), "all of them, or none"


def test_an_answer_with_files_that_is_sent_twice_is_one_message(talk, desk):
    key = f"desk-{uuid4()}"
    for _ in range(2):
        assert send(desk, talk, photo(), reply="Look.", key=key).status_code == 302
    assert said(talk)[1:] == [(2, "staff", "Look.")]
    assert Attachment.objects.count() == 1
    [error] = errors_of(send(desk, talk, reply="Look.", key=key)).as_data()["__all__"]
    assert error.code == "message_mismatch"


@pytest.mark.django_db(transaction=True)
def test_the_same_answer_twice_at_once_is_one_message(committed_db):
    cast = Cast()
    talk = ask(cast.driver)
    file = files.Prepared(b"a picture", "image/jpeg", "plug.jpg")
    answer = {"body": "Look.", "prepared": [file], "client_id": "a"}

    def send_it():
        return services.answer_with_files(talk, actor=cast.actor(), **answer).pk

    first, second = at_once([send_it, send_it])
    assert first == second
    assert Attachment.objects.for_provider(cast.a.pk).count() == 1


def test_whoever_may_not_answer_has_no_file_looked_through(cast, talk, client, monkeypatch):
    monkeypatch.setattr(files, "prepare", lambda *args, **values: pytest.fail("looked through"))
    client.force_login(cast.viewer)
    assert send(client, talk, photo()).status_code == 403
    client.force_login(cast.outsider)
    assert send(client, talk, photo()).status_code in (302, 404)


def test_files_of_an_erased_driver_are_told_to_be_gone(cast, talk, desk):
    attachment = sent_file(talk, "plug.jpg")
    crypto.destroy(subject_of(cast.driver.pk), cast.a.pk)
    page = desk.get(page_of(talk)).content.decode()
    assert "erased with the data of the driver" in page
    assert file_of(talk, attachment) not in page
    shown = desk.get(file_of(talk, attachment), follow=True)
    assert [message.level_tag for message in shown.context["messages"]] == ["error"]
