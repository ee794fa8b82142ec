"""Conversations: one unresolved per matter, gapless, sent twice is stored once."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from chat import services
from chat.errors import (
    ConversationResolved,
    MessageMismatch,
    ReadTooFar,
    UnknownSubject,
)
from chat.models import Conversation, Message
from chat.subjects import Subject
from fleets.errors import NotAssignable
from fleets.models import Notice
from voltop import clock, registry
from voltop.context import Actor
from voltop.errors import IllegalMove, NotFound
from voltop.tables import Event, OutboxMessage


def driver_actor(driver) -> Actor:
    return Actor("user", driver.user_id, driver.provider_id)


def ask(driver, body="Where is my pay?", topic="pay", **values) -> Conversation:
    return services.open_conversation(
        driver,
        actor=driver_actor(driver),
        author=services.Author.driver(driver.user_id),
        topic=topic,
        body=body,
        **values,
    )


def say(conversation, body="Hello?", **values) -> Message:
    driver = conversation.driver
    return services.post_message(
        conversation,
        actor=driver_actor(driver),
        author=services.Author.driver(driver.user_id),
        body=body,
        **values,
    )


def answer(cast, conversation, body="On its way.", **values) -> Message:
    return services.post_message(
        conversation,
        actor=cast.actor(),
        author=services.Author.staff(cast.owner.pk),
        body=body,
        **values,
    )


def said(conversation) -> list[tuple[int, str, str]]:
    return list(conversation.messages.values_list("seq", "author_kind", "body"))


def test_a_question_and_its_answer(cast):
    conversation = ask(cast.driver)
    assert (conversation.number, conversation.status) == (1, "open")
    answer(cast, conversation)
    conversation.refresh_from_db()
    assert conversation.status == "pending"
    say(conversation, "Thanks, when?")
    conversation.refresh_from_db()
    assert conversation.status == "open"
    assert said(conversation) == [
        (1, "driver", "Where is my pay?"),
        (2, "staff", "On its way."),
        (3, "driver", "Thanks, when?"),
    ]
    assert conversation.last_seq == 3


def test_the_same_matter_has_one_unresolved_conversation(cast):
    first = ask(cast.driver)
    assert ask(cast.driver, "And my tips?").pk == first.pk
    assert ask(cast.driver, topic="vehicle").pk != first.pk
    assert ask(cast.other_driver).pk != first.pk
    assert said(first)[1] == (2, "driver", "And my tips?")


def test_the_database_keeps_it_to_one(cast):
    first = ask(cast.driver)
    with pytest.raises(IntegrityError, match="one_unresolved"), transaction.atomic():
        Conversation.objects.create(
            provider=cast.a,
            driver=first.driver,
            number=99,
            topic="pay",
            last_message_at=clock.now(),
            waiting_since=clock.now(),
        )


def test_sent_twice_is_stored_once_and_the_loser_gets_the_stored_one(cast):
    conversation = ask(cast.driver, client_id="m1")
    again = say(conversation, "Where is my pay?", client_id="m1")
    assert again.seq == 1
    assert conversation.messages.count() == 1
    with pytest.raises(MessageMismatch):
        say(conversation, "Something else", client_id="m1")


@pytest.mark.parametrize(("days", "reopened"), [(0, True), (6.99, True), (7, False), (30, False)])
def test_a_drivers_message_reopens_what_was_resolved_within_a_week(cast, days, reopened):
    at = clock.now()
    conversation = ask(cast.driver, at=at)
    services.resolve(conversation, actor=cast.actor(), at=at)
    later = at + timedelta(days=days)
    if reopened:
        assert ask(cast.driver, "Still missing", at=later).pk == conversation.pk
        conversation.refresh_from_db()
        assert (conversation.status, conversation.resolved_at) == ("open", None)
        return
    with pytest.raises(ConversationResolved):
        say(conversation, "Still missing", at=later)
    assert ask(cast.driver, "Still missing", at=later).pk != conversation.pk


def test_an_old_conversation_points_to_the_newer_one_on_the_matter(cast):
    at = clock.now()
    old = ask(cast.driver, at=at - timedelta(days=30))
    services.resolve(old, actor=cast.actor(), at=at - timedelta(days=29))
    new = ask(cast.driver, at=at)
    with pytest.raises(ConversationResolved) as refused:
        say(old, "Here again", at=at)
    assert refused.value.extra == {"conversation": new.pk}


def test_an_old_conversation_is_not_reopened_beside_a_newer_one(cast):
    at = clock.now()
    old = ask(cast.driver, at=at - timedelta(days=30))
    services.resolve(old, actor=cast.actor(), at=at - timedelta(days=29))
    new = ask(cast.driver, at=at)
    with pytest.raises(ConversationResolved) as refused:
        services.reopen(old, actor=cast.actor())
    assert refused.value.extra == {"conversation": new.pk}
    services.resolve(new, actor=cast.actor())
    assert services.reopen(old, actor=cast.actor()).status == "open"


def write_first(cast, driver, **values) -> Conversation:
    return services.open_conversation(
        driver,
        actor=cast.actor(),
        author=services.Author.staff(cast.owner.pk),
        topic="pay",
        body="We need your tax number.",
        **values,
    )


def test_what_staff_begin_waits_for_the_driver(cast):
    conversation = write_first(cast, cast.driver)
    assert (conversation.status, said(conversation)[0][:2]) == ("pending", (1, "staff"))
    moves = list(conversation.events.values_list("from_state", "to_state"))
    assert moves == [("", "open"), ("open", "pending")]
    say(conversation, "Here it is.")
    conversation.refresh_from_db()
    assert conversation.status == "open"


def test_staff_who_come_back_to_a_matter_wait_for_the_driver_too(cast):
    conversation = ask(cast.driver)
    services.resolve(conversation, actor=cast.actor())
    again = write_first(cast, cast.driver)
    assert (again.pk, again.status, again.resolved_at) == (conversation.pk, "pending", None)


TABLE = {
    "open": {"answer": "pending", "say": "open", "resolve": "resolved"},
    "pending": {"answer": "pending", "say": "open", "resolve": "resolved"},
    "resolved": {"say": "open", "answer": "pending", "reopen": "open"},
}


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("move", ["answer", "say", "resolve", "reopen"])
def test_a_conversation_moves_as_the_table_says(cast, state, move):
    conversation = ask(cast.driver)
    if state != "open":
        answer(cast, conversation)
    if state == "resolved":
        services.resolve(conversation, actor=cast.actor())
    conversation.refresh_from_db()
    assert conversation.status == state
    moves = {
        "answer": lambda: answer(cast, conversation),
        "say": lambda: say(conversation),
        "resolve": lambda: services.resolve(conversation, actor=cast.actor()),
        "reopen": lambda: services.reopen(conversation, actor=cast.actor()),
    }
    expected = TABLE[state].get(move)
    if expected is None:
        with pytest.raises(IllegalMove):
            moves[move]()
    else:
        moves[move]()
    conversation.refresh_from_db()
    assert conversation.status == (expected or state)


def test_a_subject_is_there_and_the_drivers_own(cast):
    def resolve(object_id: int, provider_id: int) -> Subject | None:
        owners = {1: cast.driver.pk, 2: cast.other_driver.pk, 3: None}
        if object_id not in owners:
            return None
        return Subject(f"Line {object_id}", "/x", owners[object_id])

    registry.register(registry.CONVERSATION_SUBJECTS, "tests.line", resolve)
    try:
        assert ask(cast.driver, about_type="tests.line", about_id=1).about_id == 1
        assert ask(cast.driver, about_type="tests.line", about_id=3).about_id == 3
        for about_type, about_id in [
            ("tests.line", 2),
            ("tests.line", 9),
            ("tests.other", 1),
            ("tests.line", None),
            ("", 1),
        ]:
            with pytest.raises(UnknownSubject):
                ask(cast.driver, about_type=about_type, about_id=about_id)
    finally:
        del registry._points[registry.CONVERSATION_SUBJECTS]["tests.line"]


def test_an_accident_is_urgent_whatever_was_said(cast):
    assert ask(cast.driver, topic="accident").priority == "urgent"


def test_a_conversation_is_given_to_who_answers_here(cast):
    conversation = ask(cast.driver)
    assigned = services.assign(conversation, actor=cast.actor(), assignee=cast.support)
    assert assigned.assignee == cast.support
    for person in (cast.viewer, cast.outsider, cast.driver.user):
        with pytest.raises(NotAssignable):
            services.assign(conversation, actor=cast.actor(), assignee=person)
    assert services.assign(conversation, actor=cast.actor(), assignee=None).assignee is None


def test_a_read_mark_never_moves_back_nor_past_the_last_message(cast):
    conversation = ask(cast.driver)
    answer(cast, conversation)
    mark = {"actor": cast.actor(), "user_id": cast.owner.pk}
    assert services.mark_read(conversation, seq=2, **mark).seq == 2
    assert services.mark_read(conversation, seq=1, **mark).seq == 2
    with pytest.raises(ReadTooFar):
        services.mark_read(conversation, seq=3, **mark)


def test_messages_and_notes_are_never_changed(cast):
    conversation = ask(cast.driver)
    services.add_note(conversation, actor=cast.actor(), body="rude")
    for rows in (conversation.messages, conversation.notes):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            rows.update(body="x")
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            rows.all().delete()


def test_another_company_neither_answers_nor_resolves(cast):
    conversation = ask(cast.driver)
    foreign = cast.actor(cast.b)
    with pytest.raises(NotFound):
        services.resolve(conversation, actor=foreign)
    with pytest.raises(NotFound):
        services.post_message(
            conversation, actor=foreign, author=services.Author.staff(cast.outsider.pk), body="x"
        )


def test_of_several_answers_in_a_row_the_driver_is_told_once(cast):
    conversation = ask(cast.driver)
    assert not Notice.objects.exists()
    answer(cast, conversation)
    answer(cast, conversation, "Tomorrow.")
    say(conversation)
    answer(cast, conversation, "Now.")
    told = Notice.objects.filter(user=cast.driver.user, kind="chat.answered")
    assert [notice.about_id for notice in told] == [conversation.pk] * 2
    assert "Tomorrow" not in str([notice.params for notice in told])


def test_a_note_leaves_the_desk_by_no_way(cast, api):
    """Neither with events (and so webhooks), the outbox, notices, nor what the driver can fetch."""
    word = "cnryBetweenUs"
    talk = ask(cast.driver)
    services.add_note(talk, actor=cast.actor(), body=word)
    answer(cast, talk)
    services.resolve(talk, actor=cast.actor())
    rows = [
        list(model.objects.values_list(*columns))
        for model, columns in (
            (Event, ("kind", "related", "changed")),
            (OutboxMessage, ("topic", "payload")),
            (Notice, ("kind", "params")),
        )
    ]
    assert all(rows)
    phone = api(cast.driver.user)
    own = "/api/v1/me/conversations"
    told = [
        phone.get(address).content.decode()
        for address in (
            f"{own}/",
            f"{own}/{talk.pk}/",
            f"{own}/{talk.pk}/messages",
            f"{own}/transcript",
            "/api/v1/me/notices/",
            "/api/v1/me/today/",
        )
    ]
    export = api(cast.owner).get(f"/api/v1/conversations/of-driver/{cast.driver.pk}")
    told.append(export.content.decode())
    assert sum("On its way." in page for page in told) == 3
    assert word not in str(rows) + str(told)
    assert word in api(cast.support).get(f"/api/v1/conversations/{talk.pk}/notes").content.decode()
