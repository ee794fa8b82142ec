"""Messages to many: to whom, once each, whatever dies; and the transcript of a driver."""

import io
import json
import os
import signal

import pytest
from django.urls import reverse
from pypdf import PdfReader

from chat import services
from chat.errors import NobodyToWriteTo, UnknownAudience
from chat.models import Announcement, Conversation, Message
from chat.tests.test_conversations import answer, ask, said
from chat.transcripts import transcript_of, transcript_pdf
from fleets.models import AuditEntry, Notice
from fleets.tests.hooks import in_child
from voltop import failpoints
from voltop.errors import NotFound
from voltop.tests.cast import Cast
from voltop.tests.parallel import at_once


def announce(cast, body="Snow tomorrow: drive slowly.", **values) -> Announcement:
    return services.announce(cast.a, actor=cast.actor(), body=body, **values)


def written_to(announcement: Announcement) -> list[str]:
    about = Conversation.objects.filter(about_type="chat.announcement", about_id=announcement.pk)
    names = about.order_by("driver_id").values_list("driver__given_name", flat=True)
    return list(names)


def test_each_driver_gets_it_once_as_a_settled_conversation(cast):
    assert cast.driver
    assert cast.other_driver
    assert cast.foreign_driver
    open_one = ask(cast.driver, "Where is my pay?")
    announcement = announce(cast)
    assert services.send_announcements() == 2
    assert services.send_announcements() == 0
    assert written_to(announcement) == ["Dora", "Dario"]
    announcement.job.refresh_from_db()
    assert (announcement.job.state, announcement.job.done) == ("done", 2)
    own = Conversation.objects.get(about_id=announcement.pk, driver=cast.driver)
    assert (own.status, said(own)) == ("resolved", [(1, "staff", announcement.body)])
    open_one.refresh_from_db()
    assert open_one.status == "open", "what was asked still waits for an answer"
    told = Notice.objects.filter(kind="chat.written")
    assert told.count() == 2


def test_an_answer_reopens_it_for_the_desk(cast):
    assert cast.driver
    announcement = announce(cast)
    services.send_announcements()
    own = Conversation.objects.get(about_id=announcement.pk)
    author = services.Author.driver(cast.driver.user_id)
    services.post_message(own, actor=cast.actor(), author=author, body="All day?")
    own.refresh_from_db()
    assert own.status == "open"


def test_it_goes_to_a_depot_or_to_whoever_is_on_shift(cast):
    depot = cast.depot()
    type(cast.driver).objects.filter(pk=cast.driver.pk).update(depot=depot)
    assert cast.other_driver
    to_depot = announce(cast, depot=depot)
    services.send_announcements()
    assert written_to(to_depot) == ["Dora"]
    with pytest.raises(NobodyToWriteTo):
        announce(cast, audience="on_shift")
    with pytest.raises(UnknownAudience):
        announce(cast, audience="asleep")
    with pytest.raises(NotFound):
        announce(cast, depot=cast.depot(cast.b))


@pytest.mark.django_db(transaction=True)
def test_whom_it_cannot_be_written_to_holds_up_nobody_and_is_named(api, client):
    cast = Cast()
    drivers = [cast.new_driver(name) for name in ("Ada", "Ben", "Cora")]
    announcement = announce(cast)
    services.open_conversation(
        drivers[1],
        actor=cast.actor(),
        author=services.Author.staff(cast.owner.pk),
        topic="other",
        body="Said under the number of the message to come.",
        about_type="chat.announcement",
        about_id=announcement.pk,
        client_id=f"announcement-{announcement.pk}",
    )
    client.force_login(cast.dispatcher)
    page = reverse("admin:chat_announcement_change", args=(announcement.pk,))
    assert 'http-equiv="refresh"' in client.get(page).content.decode()

    assert services.send_announcements() == 2
    assert services.send_announcements() == 0
    body = announcement.body
    got = Message.objects.filter(body=body).values_list("conversation__driver__given_name")
    assert sorted(got) == [("Ada",), ("Cora",)]
    told = api(cast.dispatcher).get(f"/api/v1/announcements/{announcement.pk}").json()
    assert (told["state"], told["done"], told["total"]) == ("failed", 2, 3)
    assert told["missed_drivers"] == [drivers[1].pk]
    shown = client.get(page).content.decode()
    assert 'http-equiv="refresh"' not in shown
    assert "2 / 3" in shown
    assert f'/admin/drivers/driver/{drivers[1].pk}/change/">{drivers[1]}</a>: ' in shown
    assert "2 / 3" in client.get(reverse("admin:chat_announcement_changelist")).content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_workers_and_a_killed_one_write_to_everybody_once():
    cast = Cast()
    for name in ("Ada", "Ben", "Cora", "Dan"):
        cast.new_driver(name)
    announcement = announce(cast)

    def die() -> None:
        os.environ[failpoints.VARIABLE] = "chat.announced:2"
        services.send_announcements()

    child = in_child(die)
    child.join(30)
    assert child.exitcode == -signal.SIGKILL
    assert written_to(announcement) == ["Ada"]
    at_once([services.send_announcements] * 2)
    services.send_announcements()
    assert written_to(announcement) == ["Ada", "Ben", "Cora", "Dan"]
    assert Message.objects.count() == 4


def test_messages_to_many_through_the_api_and_the_admin(cast, api, client):
    assert cast.driver
    dispatcher = api(cast.dispatcher)
    body = {"body": "The depot is closed tomorrow."}
    made = dispatcher.post("/api/v1/announcements", body, format="json")
    assert (made.status_code, made.json()["state"], made.json()["total"]) == (202, "queued", 1)
    services.send_announcements()
    path = f"/api/v1/announcements/{made.json()['id']}"
    assert (dispatcher.get(path).json()["state"], dispatcher.get(path).json()["done"]) == (
        "done",
        1,
    )
    client.force_login(cast.dispatcher)
    page = reverse("admin:chat_announcement_add")
    form = {"audience": "on_shift", "topic": "other", "body": "Hello", "depot": ""}
    assert "No driver is in this group now." in client.post(page, form).content.decode()
    sent = client.post(page, form | {"audience": ""})
    assert Announcement.objects.count() == 2
    own = reverse("admin:chat_announcement_change", args=(Announcement.objects.first().pk,))
    assert (sent.status_code, sent["Location"]) == (302, own)
    shown = client.get(own).content.decode()
    assert ("queued" in shown, "0 / 1" in shown, "all drivers" in shown) == (True, True, True)
    assert b"1 / 1" in client.get(reverse("admin:chat_announcement_changelist")).content


# --- Transcripts ---------------------------------------------------------------------------------
def talked(cast) -> Conversation:
    conversation = ask(cast.driver, "Where is <b>my</b> pay? & my tips")
    answer(cast, conversation, "Tomorrow, 300 €.")
    services.add_note(conversation, actor=cast.actor(), body="He asks every week")
    ask(cast.driver, "The flap does not close", topic="vehicle")
    ask(cast.other_driver, "Not Dora's")
    return conversation


def test_a_transcript_has_everything_but_notes_and_others(cast):
    talked(cast)
    made = transcript_of(cast.driver, names=True)
    lines = [
        (talk["topic"], message["author"], message["body"])
        for talk in made["conversations"]
        for message in talk["messages"]
    ]
    assert lines == [
        ("pay", "Dora Driver", "Where is <b>my</b> pay? & my tips"),
        ("pay", "Owner Alba Moves", "Tomorrow, 300 €."),
        ("vehicle", "Dora Driver", "The flap does not close"),
    ]
    assert "every week" not in json.dumps(made)
    own = transcript_of(cast.driver, names=False)
    assert own["conversations"][0]["messages"][1]["author"] == "Alba Moves"


def test_a_transcript_as_pdf_is_text_alone_and_takes_long_messages(cast):
    talked(cast)
    ask(cast.driver, "<para>" + "word " * 790, topic="other")
    pages = printed(transcript_pdf(cast.driver, names=True))
    text = "\n".join(pages)
    order = [
        "Conversations with Dora Driver",
        "Where is <b>my</b> pay? & my tips",
        "Owner Alba Moves, ",
        "Tomorrow, 300 €.",
        "The flap does not close",
        "<para>",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert (text.count("word"), len(pages)) == (790, 2)
    assert "every week" not in text
    assert "boxes" not in text


def printed(document):
    """The words of each page of a PDF."""
    return [page.extract_text() for page in PdfReader(io.BytesIO(document)).pages]


def test_a_pdf_tells_letters_as_they_are_and_pictures_by_their_names(cast):
    said = ask(cast.driver, "Grüße aus São Paulo, ¿qué pasó? „ß“ – …\tDanke 👍🏽 👨‍👩‍👧 ❤️")
    [page] = printed(transcript_pdf(cast.driver, names=True))
    assert "Grüße aus São Paulo, ¿qué pasó? „ß“ – … Danke [thumbs up sign]" in page
    assert "[man][woman][girl] [heavy black heart]" in " ".join(page.split())
    answer(cast, said, "Привет")
    assert "the JSON has them" in printed(transcript_pdf(cast.driver, names=True))[0]


def test_a_transcript_leaves_for_who_may_read_and_is_audited(cast, api, client):
    conversation = talked(cast)
    path = f"/api/v1/conversations/of-driver/{cast.driver.pk}"
    assert len(api(cast.support).get(path).json()["conversations"]) == 2
    assert api(cast.outsider).get(path).status_code == 404
    own = api(cast.driver.user).get("/api/v1/me/conversations/transcript")
    assert (own.status_code, b"every week" in own.content) == (200, False)
    client.force_login(cast.support)
    address = reverse("admin:chat_conversation_transcript", args=(conversation.pk,))
    for form, kind in (("pdf", b"%PDF-"), ("json", b"{")):
        answer = client.post(address, {"form": form})
        assert (answer.status_code, answer.content.startswith(kind)) == (200, True)
        assert answer["Content-Disposition"].startswith("attachment")
        assert b"every week" not in answer.content
    exported = AuditEntry.objects.for_provider(cast.a.pk).filter(action="list.exported")
    assert exported.count() == 4
