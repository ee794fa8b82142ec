"""The page of a conversation: the driver's cards beside it, and what may be done from there."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from chat import services
from chat.models import Conversation
from chat.tests.test_conversations import answer, ask, said
from chat.tests.world import sent_file
from fleets.models import AuditEntry
from reservations.tests.scene import book, make_station
from shifts.models import Shift
from shifts.tests.scene import Scene
from voltop import clock


@pytest.fixture
def working(cast) -> Shift:
    """Dora is on shift in Car 1; Car 2 stands free; a charger is booked for tomorrow."""
    scene = Scene(cast)
    assert scene.other_car
    shift = scene.active(at=clock.now() - timedelta(hours=2))
    book(cast, make_station(cast), scene.car, driver=cast.driver)
    return shift


def page_of(conversation: Conversation) -> str:
    return reverse("admin:chat_conversation_change", args=(conversation.pk,))


def act(client, conversation, action, **values):
    address = reverse("admin:chat_conversation_act", args=(conversation.pk,))
    shown = client.post(address, {"action": action} | values, follow=True)
    assert shown.status_code == 200
    return [str(message) for message in shown.context["messages"]]


def test_the_cards_tell_how_the_driver_stands_now(cast, client, working):
    conversation = ask(cast.driver)
    client.force_login(cast.manager)
    shown = client.get(page_of(conversation))
    cards = {str(card.title): dict(card.lines) for card in shown.context["cards"]}
    told = {title: {str(k): str(v) for k, v in lines.items()} for title, lines in cards.items()}
    assert told["Car"]["vehicle"] == "Car 1"
    assert told["Shift"]["state"] == "active"
    assert told["Shift"]["hours"] == "2 h 00 min"
    assert told["Booking"]["station"] == "Yard"
    assert told["Money"]["last payment"] == "none"
    assert "Yard" in shown.content.decode()


def test_whoever_has_nothing_is_told_so(cast, client):
    conversation = ask(cast.driver)
    client.force_login(cast.owner)
    shown = client.get(page_of(conversation))
    first = {str(card.title): str(card.lines[0][1]) for card in shown.context["cards"]}
    assert first == {"Car": "none", "Shift": "none", "Booking": "none", "Money": "none"}
    assert [action.name for action in shown.context["quick_actions"]] == ["payments.adjust"]


def test_what_a_role_may_not_do_is_neither_offered_nor_done(cast, client, working):
    conversation = ask(cast.driver)
    client.force_login(cast.support)
    shown = client.get(page_of(conversation))
    offered = {action.name for action in shown.context["quick_actions"]}
    assert not offered & {"shifts.end", "shifts.change_car", "reservations.cancel"}
    assert act(client, conversation, "shifts.end") == ["This cannot be done any more."]
    working.refresh_from_db()
    assert working.status == "active"


def test_a_shift_is_ended_from_the_conversation_with_the_reason(cast, client, working):
    conversation = ask(cast.driver)
    client.force_login(cast.dispatcher)
    assert act(client, conversation, "shifts.end", reason="fell ill") == ["Done: End the shift."]
    working.refresh_from_db()
    assert working.status == "ended"
    event = working.events.latest("id")
    assert (event.actor, event.reason) == (f"user:{cast.dispatcher.pk}", "fell ill")
    assert act(client, conversation, "shifts.end") == ["This cannot be done any more."]


def test_the_car_is_changed_to_one_that_is_free(cast, client, working):
    conversation = ask(cast.driver)
    client.force_login(cast.dispatcher)
    shown = client.get(page_of(conversation))
    [change] = [a for a in shown.context["quick_actions"] if a.name == "shifts.change_car"]
    assert [words for _value, words in change.choices] == ["Car 2"]
    choice = change.choices[0][0]
    [refused] = act(client, conversation, "shifts.change_car", choice=choice)
    assert refused.startswith("Change the car: ")
    for wrong in ("", "x", "999999", "²"):
        [refused] = act(client, conversation, "shifts.change_car", choice=wrong, reason="flat")
        assert refused.startswith("Change the car: ")
    done = act(client, conversation, "shifts.change_car", choice=choice, reason="flat tyre")
    assert done == ["Done: Change the car."]
    assert working.stints.count() == 2
    assert AuditEntry.objects.for_provider(cast.a.pk).filter(action__startswith="shift").exists()


def test_a_booking_is_cancelled_and_the_driver_told(cast, client, working):
    conversation = ask(cast.driver)
    client.force_login(cast.dispatcher)
    assert act(client, conversation, "reservations.cancel") == ["Done: Cancel the booking."]
    assert cast.driver.reservations.get().status == "canceled"


def test_another_company_s_conversation_has_no_page_and_no_actions(cast, client):
    foreign = ask(cast.foreign_driver)
    client.force_login(cast.owner)
    for name in ("act", "news", "transcript"):
        address = reverse(f"admin:chat_conversation_{name}", args=(foreign.pk,))
        reply = client.get(address) if name == "news" else client.post(address)
        assert reply.status_code == 404, name
    client.force_login(cast.viewer)
    own = ask(cast.driver)
    address = reverse("admin:chat_conversation_news", args=(own.pk,))
    assert client.get(address).status_code == 403


def test_an_answer_that_is_sent_twice_is_one_message(cast, client):
    conversation = ask(cast.driver)
    client.force_login(cast.support)
    form = {
        "reply": "Tomorrow.",
        "reply_key": f"desk-{uuid4()}",
        "note": "asks every week",
        "assignee": "",
        "priority": "high",
    }
    for _ in range(2):
        assert client.post(page_of(conversation), form).status_code == 302
        form["note"] = ""
    assert said(conversation)[1:] == [(2, "staff", "Tomorrow.")]
    conversation.refresh_from_db()
    assert (conversation.status, conversation.priority) == ("pending", "high")
    shown = client.get(page_of(conversation)).content.decode()
    assert "asks every week" in shown


def test_a_page_that_stood_open_undoes_nothing_that_another_agent_chose(cast, client):
    conversation = ask(cast.driver)
    client.force_login(cast.dispatcher)
    page = client.get(page_of(conversation)).content.decode()
    assert 'name="initial-assignee"' in page
    assert 'name="initial-priority" value="normal"' in page
    services.assign(conversation, actor=cast.actor(), assignee=cast.support)
    services.prioritise(conversation, actor=cast.actor(), priority="urgent")

    opened = {"assignee": "", "initial-assignee": ""}
    opened |= {"priority": "normal", "initial-priority": "normal"}
    assert client.post(page_of(conversation), opened | {"reply": "Here."}).status_code == 302
    conversation.refresh_from_db()
    assert (conversation.assignee, conversation.priority) == (cast.support, "urgent")

    mine = opened | {"assignee": str(cast.dispatcher.pk), "priority": "high"}
    assert client.post(page_of(conversation), mine).status_code == 302
    conversation.refresh_from_db()
    assert (conversation.assignee, conversation.priority) == (cast.dispatcher, "high")
    nobody = {"assignee": "", "initial-assignee": str(cast.dispatcher.pk)}
    client.post(page_of(conversation), nobody | {"priority": "high", "initial-priority": "high"})
    conversation.refresh_from_db()
    assert conversation.assignee is None


def test_what_may_be_done_and_is_chosen_comes_by_itself_too(cast, client):
    conversation = ask(cast.driver)
    client.force_login(cast.support)
    address = reverse("admin:chat_conversation_news", args=(conversation.pk,))

    def told():
        news = client.get(address).json()
        return [move["words"] for move in news["moves"]], news["chosen"]

    assert told() == (["Take", "Resolve"], {"assignee": "", "priority": "normal"})
    services.assign(conversation, actor=cast.actor(), assignee=cast.support)
    services.resolve(conversation, actor=cast.actor())
    assert told() == (["Reopen"], {"assignee": cast.support.pk, "priority": "normal"})


def test_what_is_new_comes_by_itself_and_is_text(cast, client):
    conversation = ask(cast.driver, "<script>alert(1)</script>")
    answer(cast, conversation)
    client.force_login(cast.support)
    address = reverse("admin:chat_conversation_news", args=(conversation.pk,))
    news = client.get(address, {"after": 1}).json()
    assert (news["seq"], news["note"]) == (2, 0)
    assert [(said["kind"], said["body"]) for said in news["talk"]] == [("staff", "On its way.")]
    for wrong in ("x", "-1", "9" * 30, "²"):
        news = client.get(address, {"after": wrong, "note": wrong}).json()
        assert len(news["talk"]) == 2
    page = client.get(page_of(conversation)).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_canned_replies_stand_there_filled_in(cast, client):
    services.create_canned_reply(
        cast.a, actor=cast.actor(), shortcut="hi", body="Hi {{first_name}}, {{agent}} here."
    )
    client.force_login(cast.support)
    shown = client.get(page_of(ask(cast.driver))).content.decode()
    assert 'value="Hi Dora, Support Alba Moves here."' in shown


def test_notes_and_who_has_it_come_by_themselves_too(cast, client):
    conversation = ask(cast.driver)
    client.force_login(cast.support)
    address = reverse("admin:chat_conversation_news", args=(conversation.pk,))

    def facts():
        return [fact["words"] for fact in client.get(address).json()["facts"]]

    assert "with nobody yet" in facts()
    note = services.add_note(conversation, actor=cast.actor(), body="asks every <week>")
    services.assign(conversation, actor=cast.actor(), assignee=cast.support)
    news = client.get(address, {"after": 1, "note": 0}).json()
    assert news["note"] == note.pk
    assert [(said["kind"], said["body"]) for said in news["talk"]] == [
        ("note", "asks every <week>")
    ]
    assert "with Support Alba Moves" in facts()
    after = client.get(address, {"after": 1, "note": note.pk}).json()
    assert (after["talk"], after["note"]) == ([], 0)


def test_the_page_of_a_talk_asks_as_often_however_much_was_said(cast, client):
    conversation = ask(cast.driver)
    client.force_login(cast.support)
    client.get(page_of(conversation))
    counts = []
    for _ in range(2):
        for number in range(3):
            sent_file(conversation, f"{number}.jpg")
            answer(cast, conversation)
        with CaptureQueriesContext(connection) as queries:
            client.get(page_of(conversation))
        asked = [query["sql"] for query in queries if "chat_" in query["sql"].partition("FROM")[2]]
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_stamp_tells_when_the_inbox_shows_something_else(cast, client):
    conversation = ask(cast.driver)
    client.force_login(cast.support)
    page = reverse("admin:chat_conversation_changelist")
    address = reverse("admin:chat_conversation_inbox_news")

    def stamp(**asked):
        return client.get(address, asked).json()["stamp"]

    first, nobodys = stamp(), stamp(whose="nobody")
    assert f'data-stamp="{first}"' in client.get(page).content.decode()
    assert stamp() == first
    ask(cast.foreign_driver)
    assert stamp() == first
    services.assign(conversation, actor=cast.actor(), assignee=cast.support)
    assert stamp() != first
    assert stamp(whose="nobody") != nobodys
    mine = stamp(whose="mine")
    ask(cast.other_driver)
    assert stamp(whose="mine") == mine
    assert stamp(status__exact="\x00", nothing="1") == ""
    client.force_login(cast.viewer)
    assert client.get(address).status_code == 403


def test_the_inbox_counts_what_is_to_be_done(cast, client):
    conversation = ask(cast.driver)
    settled = ask(cast.other_driver)
    services.assign(conversation, actor=cast.actor(), assignee=cast.support)
    services.assign(settled, actor=cast.actor(), assignee=cast.support)
    services.resolve(settled, actor=cast.actor())
    ask(cast.driver, topic="vehicle")
    client.force_login(cast.support)
    page = reverse("admin:chat_conversation_changelist")
    baskets = client.get(page, {"whose": "mine"}).context["baskets"]
    told = {query: (count, shown) for query, _words, count, shown in baskets}
    assert told == {
        "status__exact=open": (2, False),
        "whose=mine": (1, True),
        "whose=nobody": (1, False),
        "late=1": (0, False),
    }
    rows = client.get(page).context["cl"].result_list
    assert [row.status for row in rows] == ["open", "open", "resolved"]
