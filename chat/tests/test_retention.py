"""Conversations past their company's term, and files that were never sent: gone, all or nothing."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.db import DatabaseError, connection, transaction

from chat import services
from chat.errors import UnknownAttachment
from chat.models import (
    Alarm,
    AlarmEvent,
    Attachment,
    Conversation,
    ConversationEvent,
    InternalNote,
    Message,
    Page,
    ReadMark,
)
from chat.services import retention
from chat.tests.test_attachments import handed_in
from chat.tests.test_conversations import answer, ask, said, say
from drivers.numbers import subject_of
from fleets.models import AuditEntry
from fleets.services import change_policy
from fleets.tests.hooks import in_child
from voltop import clock, crypto, failpoints, files, outbox
from voltop.api.exceptions import as_domain_error
from voltop.settings.files import storages as storages_of
from voltop.tables import OutboxMessage, StoredFile
from voltop.tests.cast import Cast
from voltop.tests.parallel import one_within_the_other
from voltop.triggers import forgetting

pytestmark = pytest.mark.django_db
NOW = clock.now()
OF_A_CONVERSATION = (
    Message, InternalNote, ReadMark, Attachment, ConversationEvent, Alarm, AlarmEvent, Page
)  # fmt: skip


def ago(days: float):
    return NOW - timedelta(days=days)


def keep(cast, days: int | None = 90, provider=None) -> None:
    provider = provider or cast.a
    values = {"conversation_retention_days": days}
    change_policy(provider, actor=cast.actor(provider), values=values)


def settled(cast, days: float, body: str = "Where is my pay?", **values) -> Conversation:
    """A conversation that was answered, and settled so many days ago."""
    talk = ask(cast.driver, body, at=ago(days + 1), **values)
    answer(cast, talk, at=ago(days + 1))
    return services.resolve(talk, actor=cast.actor(), at=ago(days))


def full(cast, days: float) -> Conversation:
    """One with everything that a conversation can have, a call for help too."""
    talk = ask(cast.driver, "The car burns", topic="accident", at=ago(days + 1))
    photo = handed_in(cast, talk)
    say(talk, "Look", attachments=[photo.pk], at=ago(days + 1))
    handed_in(cast, talk, "unsent.jpg")
    services.add_note(talk, actor=cast.actor(), body="Called the fire brigade.")
    services.mark_read(talk, actor=cast.actor(), user_id=cast.owner.pk, seq=2)
    return services.resolve(talk, actor=cast.actor(), at=ago(days))


def forget(**values) -> int:
    return services.forget_conversations(at=NOW, **values)


@pytest.fixture
def store(settings, tmp_path):
    settings.STORAGES = storages_of("", tmp_path)
    return tmp_path / "files"


def blobs(store) -> int:
    return len([path for path in store.rglob("*") if path.is_file()])


def drop_from_store() -> None:
    """What a relay does with dropped files; calls go out of any transaction, tests are in one."""
    for message in OutboxMessage.objects.filter(topic="voltop.files.drop", sent_at=None):
        outbox.deliver(message)


def test_what_ended_before_the_term_goes_as_a_whole(cast, store):
    keep(cast)
    old, recent = full(cast, 91), settled(cast, 89)
    assert files.move_kept() == 2
    assert all(model.objects.filter(provider_id=cast.a.pk).exists() for model in OF_A_CONVERSATION)
    assert forget() == 1
    assert list(Conversation.objects.all()) == [recent]
    for model in OF_A_CONVERSATION:
        left = model.objects.filter(provider_id=cast.a.pk)
        assert all(getattr(row, "conversation_id", None) == recent.pk for row in left), model
    assert not StoredFile.objects.exists()
    assert blobs(store) == 2, "the store hears of it after the commit"
    drop_from_store()
    drop_from_store()
    assert blobs(store) == 0
    assert [seq for seq, *_ in said(recent)] == [1, 2]
    assert forget() == 0
    assert not Conversation.objects.filter(pk=old.pk).exists()


@pytest.mark.parametrize(("days", "kept"), [(90, True), (90.01, False)])
def test_the_term_counts_from_the_end_to_the_second(cast, days, kept):
    keep(cast)
    talk = settled(cast, days)
    forget()
    assert Conversation.objects.filter(pk=talk.pk).exists() == kept


def test_what_is_not_settled_stays_however_old(cast):
    keep(cast, 30)
    waiting = ask(cast.driver, at=ago(3000))
    answered = ask(cast.driver, topic="vehicle", at=ago(3000))
    answer(cast, answered, at=ago(3000))
    again = settled(cast, 2999, topic="charging")
    services.reopen(again, actor=cast.actor(), at=ago(2))
    assert forget() == 0
    assert {talk.status for talk in Conversation.objects.all()} == {"open", "pending"}
    assert {waiting.pk, answered.pk, again.pk} == set(
        Conversation.objects.values_list("pk", flat=True)
    )


def test_without_a_term_and_at_another_company_everything_is_kept(cast):
    settled(cast, 5000)
    keep(cast, 30, cast.b)
    assert forget() == 0
    keep(cast, 30)
    keep(cast, None)
    assert forget() == 0


@pytest.mark.parametrize("days", [29, 3651, 0, -1])
def test_a_term_is_of_days_that_make_sense(cast, api, days):
    path = f"/api/v1/policies/{cast.a.policy.pk}"
    refused = api(cast.owner).patch(path, {"conversation_retention_days": days}, format="json")
    assert refused.status_code == 400
    taken = api(cast.owner).patch(path, {"conversation_retention_days": 30}, format="json")
    assert taken.json()["conversation_retention_days"] == 30


def test_the_trail_says_how_many_and_nothing_of_what_was_said(cast):
    keep(cast)
    full(cast, 91)
    settled(cast, 92, "My secret question")
    forget()
    [entry] = AuditEntry.objects.filter(action="conversations.forgotten")
    assert entry.changes == {
        "conversations": [2, 0], "messages": [4, 0], "notes": [1, 0], "files": [2, 0]
    }  # fmt: skip
    assert (entry.provider_id, entry.actor) == (cast.a.pk, "system:chat.forget_conversations")
    assert "secret" not in str(entry.changes)


def test_it_is_done_some_at_a_time_and_stops_in_time(cast, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    keep(cast)
    for topic in ("pay", "vehicle", "charging", "documents", "other"):
        settled(cast, 100, topic=topic)
    assert forget(budget_s=0) == 0
    assert forget() == 5
    assert AuditEntry.objects.filter(action="conversations.forgotten").count() == 3


def test_nothing_else_deletes_what_was_said(cast):
    talk = settled(cast, 100)
    others = [
        lambda: Message.objects.filter(conversation=talk).delete(),
        lambda: _within(cast.b.pk, Message.objects.filter(conversation=talk).delete),
        lambda: _within(cast.a.pk, lambda: Message.objects.update(body="x")),
        lambda: _after(cast.a.pk, Message.objects.filter(conversation=talk).delete),
        lambda: _within(cast.a.pk, lambda: _sql("TRUNCATE chat_message CASCADE")),
    ]
    for other in others:
        with pytest.raises(DatabaseError), transaction.atomic():
            other()
    assert Message.objects.filter(conversation=talk).count() == 2


def _within(provider_id, call):
    with forgetting(provider_id):
        call()


def _after(provider_id, call):
    with forgetting(provider_id):
        pass
    call()


def _sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_driver_who_is_erased_leaves_words_whose_term_goes_on(cast):
    """Erasing voids files and names; what was said goes when its term is over, also then."""
    keep(cast)
    full(cast, 91)
    crypto.destroy(subject_of(cast.driver.pk), cast.a.pk)
    assert Message.objects.exists()
    assert forget() == 1
    assert not Message.objects.exists()
    assert not StoredFile.objects.exists()


def test_a_file_that_a_restore_brought_back_is_told_to_be_gone(cast, api, store):
    talk = ask(cast.driver)
    photo = handed_in(cast, talk)
    say(talk, "Look", attachments=[photo.pk])
    files.move_kept()
    photo.refresh_from_db()
    storages["private"].delete(photo.file.place)
    path = f"/api/v1/me/conversations/{talk.pk}/attachments/{photo.pk}/file"
    gone = api(cast.driver.user).get(path)
    assert (gone.status_code, gone.json()["code"]) == (410, "file_gone")


def test_a_store_that_cannot_read_is_told_as_one_and_the_file_is_there_again_after_it(
    cast, api, store
):
    talk = ask(cast.driver)
    photo = handed_in(cast, talk)
    say(talk, "Look", attachments=[photo.pk])
    files.move_kept()
    photo.refresh_from_db()
    place = Path(storages["private"].path(photo.file.place))
    aside = place.rename(place.with_suffix(".aside"))
    place.mkdir()  # nobody reads that, not even root
    path = f"/api/v1/me/conversations/{talk.pk}/attachments/{photo.pk}/file"
    away = api(cast.driver.user).get(path)
    assert (away.status_code, away.json()["code"]) == (503, "files_unavailable")
    assert away["Retry-After"] == "5"
    place.rmdir()
    aside.rename(place)
    assert api(cast.driver.user).get(path).status_code == 200


# --- At the same moment, killed ------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_what_is_being_reopened_stays():
    cast = Cast()
    keep(cast)
    talk = settled(cast, 91)
    _, forgotten = one_within_the_other(lambda: services.reopen(talk, actor=cast.actor()), forget)
    assert forgotten == 0
    assert Conversation.objects.get(pk=talk.pk).status == "open"
    assert forget() == 0


@pytest.mark.django_db(transaction=True)
def test_whoever_writes_to_what_is_being_forgotten_finds_nothing():
    cast = Cast()
    keep(cast)
    writes = [
        lambda talk: answer(cast, talk),
        lambda talk: handed_in(cast, talk),
        lambda talk: services.add_note(talk, actor=cast.actor(), body="Late"),
        lambda talk: services.mark_read(talk, actor=cast.actor(), user_id=cast.owner.pk, seq=1),
        lambda talk: services.reopen(talk, actor=cast.actor()),
    ]
    for number, write in enumerate(writes):
        talk = settled(cast, 91, client_id=f"{number}")
        forgotten, refused = one_within_the_other(forget, lambda w=write, t=talk: w(t))
        assert forgotten == 1
        assert as_domain_error(refused).code in ("not_found", "in_use"), refused
    assert not Message.objects.exists()
    assert not StoredFile.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_leaves_all_to_the_next():
    cast = Cast()
    keep(cast)
    full(cast, 91)

    def die() -> None:
        os.environ[failpoints.VARIABLE] = "chat.forgotten"
        forget()

    child = in_child(die)
    child.join(30)
    assert child.exitcode == -signal.SIGKILL
    assert (Message.objects.count(), StoredFile.objects.count()) == (2, 2)
    assert not AuditEntry.objects.filter(action="conversations.forgotten").exists()
    assert (forget(), forget()) == (1, 0)
    assert AuditEntry.objects.filter(action="conversations.forgotten").count() == 1
    assert not StoredFile.objects.exists()


# --- Files that were never sent ------------------------------------------------------------------
def unsent(cast, talk, days: float, name: str = "plug.jpg") -> Attachment:
    made = handed_in(cast, talk, name)
    Attachment.objects.filter(pk=made.pk).update(created_at=ago(days))
    return made


def forget_unsent() -> int:
    return services.forget_unsent(at=NOW)


def test_files_never_sent_are_dropped_after_three_days(cast, store):
    talk = ask(cast.driver)
    unsent(cast, talk, 3.1)
    young, sent = unsent(cast, talk, 2.9), unsent(cast, talk, 4)
    say(talk, "Look", attachments=[sent.pk])
    files.move_kept()
    assert (forget_unsent(), forget_unsent()) == (1, 0)
    assert set(Attachment.objects.all()) == {young, sent}
    assert StoredFile.objects.count() == 2
    drop_from_store()
    assert blobs(store) == 2
    assert files.read(sent.file) == b"a picture"


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_being_sent_stays():
    cast = Cast()
    talk = ask(cast.driver)
    photo = unsent(cast, talk, 4)
    message, dropped = one_within_the_other(
        lambda: say(talk, "Look", attachments=[photo.pk]), forget_unsent
    )
    assert dropped == 0
    assert list(message.attachments.all()) == [photo]
    assert files.read(photo.file) == b"a picture"
    assert forget_unsent() == 0


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_being_dropped_is_not_sent():
    cast = Cast()
    talk = ask(cast.driver)
    photo = unsent(cast, talk, 4)
    dropped, refused = one_within_the_other(
        forget_unsent, lambda: say(talk, "Look", attachments=[photo.pk])
    )
    assert dropped == 1
    assert isinstance(refused, UnknownAttachment)
    assert [seq for seq, *_ in said(talk)] == [1], "no message without its file"
    assert not StoredFile.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_moved_while_it_is_dropped_leaves_nothing(store, monkeypatch):
    cast = Cast()
    unsent(cast, ask(cast.driver), 4)
    inner = type(storages["private"])
    save = inner.save

    def slow(self, name, content):
        place = save(self, name, content)
        forget_unsent()
        return place

    monkeypatch.setattr(inner, "save", slow)
    assert files.move_kept() == 0
    assert (blobs(store), StoredFile.objects.count()) == (0, 0)
