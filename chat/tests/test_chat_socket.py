"""The socket of chat, frame by frame: what the API does, and what was missed. Over the wire, with
Redis and the database going away: `test_chat_socket_kills.py`.
"""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import wraps

import pytest
import time_machine
from asgiref.sync import sync_to_async

from chat import services
from chat.models import Message, ReadMark
from chat.sockets import MAX_FOLLOWED
from chat.tests.world import conversation
from fleets import services as fleets
from fleets.models import FleetProvider, RefreshFamily, SocketTicket
from fleets.services import add_member, auth, change_role, end_membership
from voltop import clock
from voltop.context import Actor
from voltop.sockets import hub, sockets
from voltop.tests.socket_clients import Client, log_in, run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Beats in a test's time: its transaction never ends, so no bell is rung."""
    monkeypatch.setattr(hub, "BEAT_S", 0.1)
    monkeypatch.setattr(hub, "BEAT_ALONE_S", 0.1)
    monkeypatch.setattr(hub, "WATCH_S", 0.1)
    monkeypatch.setattr(hub, "VERIFY_S", 0.0)


@asynccontextmanager
async def opened(ticket, **hello):
    """A socket with its welcome behind it."""
    client = Client()
    try:
        welcome = await client.enter(await sync_to_async(ticket)(), **hello)
        assert welcome["type"] == "welcome", welcome
        client.welcome = welcome
        yield client
    finally:
        await client.leave()


def in_a_loop(test):
    """The test's coroutine, in an event loop; the database is asked in the test's thread."""

    @wraps(test)
    def runs(**fixtures):
        run(lambda: test(**fixtures))

    return runs


@pytest.fixture
def talk(cast):
    return conversation(cast.driver, "Where is my pay?")


@pytest.fixture
def driver(cast):
    return log_in(cast.driver.user, cast.a.pk)


@pytest.fixture
def support(cast):
    return log_in(cast.support, cast.a.pk)


async def messages(client, count):
    """So many of the next messages."""
    found = []
    while len(found) < count:
        frame = await client.get()
        if frame["type"] == "message":
            found.append(frame)
    return found


@in_a_loop
async def test_what_is_sent_reaches_the_other_side(talk, driver, support):
    async with opened(driver) as phone, opened(support) as desk:
        assert (phone.welcome["side"], desk.welcome["side"]) == ("driver", "staff")
        for client in (phone, desk):
            answer = await client.ask(type="follow", conversation=talk.pk, after=1)
            assert answer["last_seq"] == 1
        told = {"conversation": talk.pk, "body": "Tomorrow.", "client_id": "a"}
        sent = await desk.ask(type="send", **told)
        assert (sent["type"], sent["seq"], sent["client_id"]) == ("send", 2, "a")
        [to_driver], [to_staff] = await messages(phone, 1), await messages(desk, 1)
        assert (to_driver["seq"], to_driver["body"]) == (2, "Tomorrow.")
        assert "author" not in to_driver
        assert to_staff["author"] is not None
    stored = await sync_to_async(Message.objects.get)(conversation=talk, seq=2)
    assert (stored.body, stored.author_kind) == ("Tomorrow.", "staff")


@in_a_loop
async def test_a_message_sent_twice_is_one(talk, driver):
    told = {"conversation": talk.pk, "body": "Hello?", "client_id": "a"}
    async with opened(driver) as phone:
        first = await phone.ask(type="send", **told)
    async with opened(driver) as phone:
        again = await phone.ask(type="send", **told)
        other = await phone.ask(type="send", **told | {"body": "Another"})
    assert first["seq"] == again["seq"] == 2
    assert (other["code"], other["client_id"]) == ("message_mismatch", "a")
    assert await sync_to_async(Message.objects.filter(conversation=talk).count)() == 2


@in_a_loop
async def test_a_driver_begins_and_staff_do_it_over_the_api(talk, driver, support):
    first = {"topic": "charging", "body": "Where?", "client_id": "a"}
    async with opened(driver) as phone, opened(support) as desk:
        begun, again = [await phone.ask(type="open", **first) for _ in range(2)]
        assert begun == again
        assert (begun["seq"], begun["client_id"]) == (1, "a")
        assert begun["conversation"] != talk.pk
        taken = await phone.ask(type="open", **first | {"topic": "pay"})
        assert (taken["conversation"], taken["seq"]) == (talk.pk, 2)
        refused = await desk.ask(type="open", **first)
        assert (refused["code"], refused["status"]) == ("permission_denied", 403)


@in_a_loop
async def test_following_after_a_number_gives_exactly_what_was_missed(cast, talk, driver):
    def say(count):
        actor, author = talk_actor(cast), services.Author.driver(cast.driver.user_id)
        for number in range(count):
            services.post_message(talk, actor=actor, author=author, body=f"{number}")

    await sync_to_async(say)(250)  # more than a page, and more than is kept in memory
    async with opened(driver) as phone:
        assert (await phone.ask(type="follow", conversation=talk.pk, after=7))["last_seq"] == 251
        assert [m["seq"] for m in await messages(phone, 244)] == list(range(8, 252))
        await sync_to_async(say)(3)
        assert [m["seq"] for m in await messages(phone, 3)] == [252, 253, 254]
        await phone.ask(type="unfollow", conversation=talk.pk)
        await sync_to_async(say)(1)
        await phone.ask(type="follow", conversation=talk.pk, after=254)
        assert [m["seq"] for m in await messages(phone, 1)] == [255]
        too_far = await phone.ask(type="follow", conversation=talk.pk, after=256)
        assert (too_far["code"], too_far["extra"]) == ("read_too_far", {"last_seq": 255})


def talk_actor(cast):
    return Actor("user", cast.driver.user_id, cast.a.pk)


@in_a_loop
async def test_the_inbox_hears_of_every_conversation_and_of_no_other_companys(
    cast, driver, support
):
    async with opened(support) as desk, opened(driver) as phone:
        foreign = await sync_to_async(begun_elsewhere)(cast)
        others = await sync_to_async(begun_by_another)(cast)
        own = await sync_to_async(conversation)(cast.driver, "My pay?")
        heard = {(await desk.get())["conversation"] for _ in range(2)}
        assert heard == {others.pk, own.pk}
        frame = await phone.get()
        assert frame == {
            "type": "changed", "conversation": own.pk, "last_seq": 1, "status": "open"
        }  # fmt: skip
        assert foreign.pk not in heard
        await sync_to_async(services.resolve)(own, actor=talk_actor(cast), reason="done")
        assert (await desk.get())["status"] == "resolved"


def begun_elsewhere(cast):
    return conversation(cast.foreign_driver, "Not yours")


def begun_by_another(cast):
    return conversation(cast.other_driver, "And mine?")


@in_a_loop
async def test_what_was_read_is_kept(cast, talk, driver):
    async with opened(driver) as phone:
        answer = await phone.ask(type="read", conversation=talk.pk, seq=1)
        assert answer["seq"] == 1
        too_far = await phone.ask(type="read", conversation=talk.pk, seq=2)
        assert too_far["code"] == "read_too_far"
    mark = await sync_to_async(ReadMark.objects.get)(conversation=talk, user=cast.driver.user)
    assert mark.seq == 1


@in_a_loop
async def test_a_person_of_both_kinds_chooses_a_side(cast, talk, driver):
    await sync_to_async(join_staff)(cast)
    async with opened(driver) as one, opened(driver, side="driver") as two:
        assert (one.welcome["side"], two.welcome["side"]) == ("staff", "driver")


def join_staff(cast):
    add_member(cast.a, cast.driver.user, actor=Actor.system("tests", cast.a.pk), role="support")


@in_a_loop
async def test_a_socket_follows_so_many_and_no_more(cast, talk, driver, monkeypatch):
    monkeypatch.setattr("chat.sockets.MAX_FOLLOWED", 1)
    assert MAX_FOLLOWED == 50
    other = await sync_to_async(open_another)(cast)
    async with opened(driver) as phone:
        await phone.ask(type="follow", conversation=talk.pk, after=0)
        full = await phone.ask(type="follow", conversation=other.pk, after=0)
        assert (full["code"], full["extra"]) == ("too_many_followed", {"limit": 1})
        again = await phone.ask(type="follow", conversation=talk.pk, after=0)
        assert again["type"] == "follow"


def open_another(cast):
    return services.open_conversation(
        cast.driver,
        actor=talk_actor(cast),
        author=services.Author.driver(cast.driver.user_id),
        topic="vehicle",
        body="The car?",
    )


# --- Who is let in, and for how long --------------------------------------------------------------
@in_a_loop
async def test_a_ticket_opens_one_socket(driver):
    ticket = await sync_to_async(driver)()
    first, second = Client(), Client()
    assert (await first.enter(ticket))["type"] == "welcome"
    refused = await second.enter(ticket)
    assert (refused["code"], refused["status"]) == ("ticket_invalid", 401)
    closed = await second.closed()
    assert (closed.code, closed.reason) == (4401, "ticket_invalid")
    assert not await sync_to_async(SocketTicket.objects.exists)()
    await first.leave()


@in_a_loop
async def test_a_ticket_is_good_for_half_a_minute(driver, time_machine_at):
    ticket = await sync_to_async(driver)()
    with time_machine_at(31):
        client = Client()
        assert (await client.enter(ticket))["code"] == "ticket_invalid"


@pytest.fixture
def time_machine_at():
    def at(seconds):
        return time_machine.travel(clock.now() + timedelta(seconds=seconds), tick=True)

    return at


@pytest.mark.parametrize(
    ("first", "code", "close"),
    [
        ({"type": "hello", "ticket": "vtw_made-up"}, "ticket_invalid", 4401),
        ({"type": "hello", "ticket": "x" * 5000}, "ticket_invalid", 4401),
        ({"type": "hello", "ticket": 7}, "ticket_expected", 4400),
        ({"type": "hello"}, "ticket_expected", 4400),
        ({"type": "read", "conversation": 1, "seq": 0}, "ticket_expected", 4400),
        ("not json", "ticket_expected", 4400),
        ("[]", "ticket_expected", 4400),
        (b"\x00", "ticket_expected", 4400),
        ("x" * 16_385, "frame_too_large", 1009),
        ({"type": "hello", "ticket": "\x00"}, "ticket_expected", 4400),
    ],
)  # fmt: skip
def test_what_is_no_ticket_opens_nothing(first, code, close):
    async def work():
        client = Client()
        assert await client.open() == 101
        client.put(first)
        assert (await client.get())["code"] == code
        assert (await client.closed()).code == close

    run(work)


def test_a_silent_handshake_is_closed(monkeypatch):
    monkeypatch.setattr(sockets, "HELLO_WITHIN_S", 0.05)

    async def work():
        client = Client()
        assert await client.open() == 101
        assert (await client.get())["code"] == "ticket_late"
        assert (await client.closed()).code == 4408

    run(work)


def test_whoever_neither_drives_nor_answers_is_refused(cast):
    ticket = log_in(cast.viewer, cast.a.pk)()

    async def work():
        client = Client()
        assert (await client.enter(ticket))["code"] == "permission_denied"
        assert (await client.closed()).code == 4403

    run(work)


def logged_out(cast):
    family = RefreshFamily.objects.get(user=cast.support)
    auth.log_out(cast.support, actor=talk_actor(cast), family=family.key)


def logged_out_everywhere(cast):
    auth.log_out_everywhere(cast.support, actor=talk_actor(cast))


def disabled(cast):
    cast.support.is_active = False
    cast.support.save(update_fields=["is_active"])


def password_changed(cast):
    auth.set_password(cast.support, "another long password", actor=talk_actor(cast))


def membership_ended(cast):
    membership = cast.support.memberships.get()
    end_membership(membership, actor=cast_actor(cast))


def made_a_viewer(cast):
    change_role(cast.support.memberships.get(), actor=cast_actor(cast), role="viewer")


def company_closed(cast):
    FleetProvider.objects.filter(pk=cast.a.pk).update(status="closed")


def cast_actor(cast):
    return Actor("user", cast.owner.pk, cast.a.pk)


@pytest.mark.parametrize(
    "end",
    [
        logged_out,
        logged_out_everywhere,
        disabled,
        password_changed,
        membership_ended,
        made_a_viewer,
        company_closed,
    ],
    ids=lambda end: end.__name__,
)
def test_a_socket_ends_with_the_access_behind_it(cast, talk, support, end):
    assert cast.owner  # somebody who may do it

    async def work():
        async with opened(support) as desk:
            await desk.ask(type="follow", conversation=talk.pk, after=1)
            await sync_to_async(end)(cast)
            closed = await desk.closed()
            assert (closed.code, closed.reason) == (4401, "access_ended")

    run(work)


def test_a_suspended_companys_people_go_on_talking(cast, talk, driver):
    async def work():
        async with opened(driver) as phone:
            await sync_to_async(fleets.suspend_provider)(
                cast.a, actor=cast.platform, reason="unpaid"
            )
            await asyncio.sleep(0.5)
            told = {"conversation": talk.pk, "body": "Hello?", "client_id": "a"}
            assert (await phone.ask(type="send", **told))["seq"] == 2

    run(work)


def test_nothing_is_done_by_who_was_put_out_a_moment_ago(cast, talk, support, monkeypatch):
    """Each frame is judged as a request would be, however seldom the watch comes by."""
    monkeypatch.setattr(hub, "WATCH_S", 60)

    async def work():
        async with opened(support) as desk:
            await sync_to_async(logged_out)(cast)
            desk.put({"type": "send", "conversation": talk.pk, "body": "x", "client_id": "a"})
            assert (await desk.closed()).code == 4401

    run(work)
    assert Message.objects.filter(conversation=talk).count() == 1


def test_a_person_has_so_many_sockets_and_the_oldest_ends(driver, settings):
    settings.SOCKETS_PER_PERSON = 2

    async def work():
        async with opened(driver) as one, opened(driver), opened(driver) as three:
            closed = await one.closed()
            assert (closed.code, closed.reason) == (4409, "socket_replaced")
            assert (await three.ask(type="ping"))["type"] == "pong"

    run(work)


def test_a_process_has_so_many_sockets(driver, monkeypatch):
    monkeypatch.setattr(hub, "MAX_WITHOUT_TICKET", 1)

    async def work():
        first, second = Client(), Client()
        assert await first.open() == 101
        assert await second.open() == 503
        assert json.loads((await second._next())["body"])["code"] == "too_many_sockets"
        await first.leave()

    run(work)


def test_sockets_end_when_nobody_can_say_who_may_stay(driver, monkeypatch):
    monkeypatch.setattr(hub, "UNKNOWN_S", 0.2)

    async def work():
        async with opened(driver) as phone:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("fleets.services.socket_tickets.ended", lambda accesses: 1 / 0)
                closed = await phone.closed()
        assert (closed.code, closed.reason) == (1013, "access_unknown")

    run(work)


# --- Bounds ---------------------------------------------------------------------------------------
def test_more_frames_than_allowed_are_refused_and_then_the_socket_ends(driver, settings):
    settings.SOCKET_FRAMES_PER_10_S = 3

    async def work():
        async with opened(driver) as phone:
            for _ in range(3):
                assert (await phone.ask(type="ping"))["type"] == "pong"
            refused = await phone.ask(type="ping")
            assert (refused["code"], refused["extra"]) == ("too_many_frames", {"wait_s": 3})
            for _ in range(sockets.MAX_REFUSED_FRAMES):
                phone.put({"type": "ping"})
            closed = await phone.closed()
            assert (closed.code, closed.reason) == (4429, "socket_flooding")

    run(work)


HOSTILE = {
    "binary": (b"\x00\xff", "frame_not_text"),
    "no json": ("{", "malformed_json"),
    "no object": ("[1]", "frame_not_text"),
    "no type": ("{}", "frame_not_text"),
    "type of another kind": ('{"type": 7}', "frame_not_text"),
    "unknown type": ('{"type": "subscribe"}', "unknown_frame"),
    "a service's name": ('{"type": "__init__"}', "unknown_frame"),
    "NUL": ('{"type": "send", "body": "a\\u0000b"}', "null_characters_not_allowed"),
    "half a surrogate": ('{"type": "send", "body": "\\ud800"}', "surrogates_not_allowed"),
    "not a number": ('{"type": "read", "seq": NaN}', "number_not_finite"),
    "a long number": ('{"type": "read", "seq": 1' + "0" * 5000 + "}", "number_too_long"),
    "deep": ('{"type": "read", "seq": ' + "[" * 5000 + "]" * 5000 + "}", "nesting_too_deep"),
    "doubled key": ('{"type": "ping", "type": "ping"}', "duplicate_key"),
    "long ref": ('{"type": "ping", "ref": "' + "x" * 65 + '"}', "too_long"),
    "a ref that is none": ('{"type": "ping", "ref": {}}', "too_long"),
    "unknown field": ('{"type": "read", "conversation": 1, "seq": 0, "x": 1}', "unknown_field"),
    "no conversation": ('{"type": "read", "seq": 0}', "required"),
    "text for a number": ('{"type": "read", "conversation": "1", "seq": 0}', "invalid_number"),
    "too great": ('{"type": "follow", "conversation": 9999999999999999999, "after": 0}', None),
    "empty": ('{"type": "send", "conversation": 1, "body": "x", "client_id": ""}', "blank"),
    "no client_id": ('{"type": "send", "conversation": 1, "body": "x"}', "required"),
    "no topic": ('{"type": "open", "body": "x", "client_id": "a"}', "required"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_frame_gets_a_stable_error(driver, name, caplog):
    frame, code = HOSTILE[name]

    async def work():
        async with opened(driver) as phone:
            phone.put(frame)
            answer = await phone.get()
            assert answer["type"] == "error"
            assert code in (answer["code"], None), answer
            assert 400 <= answer["status"] < 500
            assert (await phone.ask(type="ping"))["type"] == "pong"

    run(work)
    assert not [record for record in caplog.records if record.exc_info]


def test_who_sends_nothing_but_bad_frames_is_put_out(driver):
    async def work():
        async with opened(driver) as phone:
            for _ in range(sockets.MAX_BAD_FRAMES + 1):
                phone.put("{")
            closed = await phone.closed()
            assert (closed.code, closed.reason) == (4400, "too_many_bad_frames")

    run(work)


def test_a_large_frame_ends_the_socket(driver):
    async def work():
        async with opened(driver) as phone:
            phone.put(json.dumps({"type": "ping", "ref": "é" * 10_000}, ensure_ascii=False))
            closed = await phone.closed()
            assert (closed.code, closed.reason) == (1009, "frame_too_large")

    run(work)


def test_a_socket_that_is_silent_for_long_ends(driver, settings):
    settings.SOCKET_IDLE_S = 0.2

    async def work():
        async with opened(driver) as phone:
            closed = await phone.closed()
            assert (closed.code, closed.reason) == (4408, "socket_idle")

    run(work)


def test_a_slow_reader_is_dropped(talk, driver, settings):
    settings.SOCKET_READ_WITHIN_S = 0.1

    async def work():
        async with opened(driver) as phone:
            phone.reads.clear()
            phone.put({"type": "ping"})
            await asyncio.sleep(0.3)
            phone.reads.set()
            closed = await phone.closed()
            assert (closed.code, closed.reason) == (4413, "slow_reader")

    run(work)


# --- Handshakes -----------------------------------------------------------------------------------
ORIGINS = {
    "http://localhost": 101,
    "http://127.0.0.1:8000": 101,  # PUBLIC_URL
    "https://desk.example": 101,  # CSRF_TRUSTED_ORIGINS
    "https://localhost": 403,
    "http://localhost:8001": 403,
    "http://localhost.evil.example": 403,
    "http://evil.example": 403,
    "https://desk.example.evil.example": 403,
    "null": 403,
    "": 403,
    "http://testserver": 403,
}


@pytest.mark.parametrize("origin", ORIGINS)
def test_pages_of_other_sites_open_no_socket(origin, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://desk.example"]

    async def work():
        client = Client(headers=[(b"origin", origin.encode())])
        assert await client.open() == ORIGINS[origin]
        if ORIGINS[origin] == 403:
            assert json.loads((await client._next())["body"])["code"] == "foreign_origin"
        else:
            await client.leave()

    run(work)


@pytest.mark.parametrize("hosts", [["*"], ["other.example"]])
def test_no_origin_is_ours_because_of_the_host_alone(hosts, settings):
    settings.ALLOWED_HOSTS = hosts

    async def work():
        client = Client(headers=[(b"origin", b"http://localhost")])
        assert await client.open() == 403

    run(work)


@pytest.mark.parametrize("path", ["/ws/v1/nothing", "/ws/v1/", "/chat", "/ws/v1/chat/x", "chat"])
def test_an_address_without_a_socket_is_404(path):
    async def work():
        assert await Client(path).open() == 404

    run(work)
