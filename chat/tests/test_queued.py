"""What a driver said without network: it arrives once, by `me/sync`."""

from chat import services
from chat.models import Alarm, Conversation, Message, ReadMark
from drivers.selectors import own_driver
from voltop.context import Actor
from voltop.tests.phone import ago, event, sync, told


def test_what_was_said_without_network_arrives_once_and_in_order(cast, api):
    phone = api(cast.driver.user)
    opened = event("chat.open", ago(minutes=9), topic="pay", body="Where is my pay?")
    [answer] = sync(phone, opened)
    number = answer["id"]
    later = event("chat.message", ago(minutes=5), conversation=number, body="Still nothing.")
    sooner = event("chat.message", ago(minutes=7), conversation=number, body="It is Friday.")
    for _again in range(2):
        assert told(sync(phone, later, opened, sooner)) == [("done", "")] * 3
    said = Message.objects.filter(conversation=number).order_by("seq")
    assert [m.body for m in said] == ["Where is my pay?", "It is Friday.", "Still nothing."]


def test_a_message_that_went_both_ways_is_one(cast, api):
    """Sent by its own operation, the answer lost, then queued: the client_id is the same."""
    phone = api(cast.driver.user)
    [opened] = sync(phone, event("chat.open", topic="pay", body="Where is my pay?"))
    path = f"/api/v1/me/conversations/{opened['id']}/messages"
    body = {"body": "Hello?", "client_id": "m-1"}
    assert phone.post(path, body, format="json").status_code == 201
    queued = event("chat.message", client_id="m-1", conversation=opened["id"], body="Hello?")
    assert told(sync(phone, queued)) == [("done", "")]
    assert Message.objects.filter(body="Hello?").count() == 1


def test_what_was_read_is_noted(cast, api):
    phone = api(cast.driver.user)
    [opened] = sync(phone, event("chat.open", topic="pay", body="Where is my pay?"))
    read = event("chat.read", conversation=opened["id"], seq=1)
    too_far = event("chat.read", conversation=opened["id"], seq=9)
    assert told(sync(phone, read, too_far)) == [("done", ""), ("refused", "read_too_far")]
    assert ReadMark.objects.get().seq == 1


def test_a_call_for_help_rings_when_the_network_is_back(cast, api):
    phone = api(cast.driver.user)
    call = event("chat.sos", ago(minutes=12), latitude="19.4", longitude="-99.1")
    [first], [again] = sync(phone, call), sync(phone, call)
    assert first == again
    assert Alarm.objects.get().pk == first["id"]


def test_nobody_speaks_or_reads_in_another_drivers_conversation(cast, api):
    actor = Actor("user", cast.other_driver.user_id, cast.a.pk)
    theirs = services.open_conversation(
        own_driver(actor),
        actor=actor,
        author=services.Author.driver(cast.other_driver.user_id),
        topic="pay",
        body="Mine.",
    )
    answers = sync(
        api(cast.driver.user),
        event("chat.message", conversation=theirs.pk, body="x"),
        event("chat.read", conversation=theirs.pk, seq=1),
        event("chat.message", conversation=10**12, body="x"),
    )
    assert told(answers) == [("refused", "not_found")] * 3
    assert Conversation.objects.get().last_seq == 1
