"""The desk's pages by a socket: opened with the browser's log-in, over with it."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.test import Client as Browser

from chat import services
from chat.services.messages import NOTES
from chat.tests.test_chat_socket import (
    in_a_loop,
    messages,
    opened,
    quick,  # noqa: F401  (a fixture)
)
from chat.tests.test_conversations import answer
from chat.tests.world import conversation
from fleets.limits import Limit
from fleets.models import SocketTicket
from voltop.sockets import broadcast
from voltop.sockets.hub import here
from voltop.tests.cast import PASSWORD
from voltop.tests.socket_clients import log_in

pytestmark = pytest.mark.django_db

TICKET = "/admin/chat/conversation/socket-ticket/"


@pytest.fixture
def browser(cast):
    made = Browser()
    assert made.login(username=cast.support.email, password=PASSWORD)
    return made


def ticket_from(browser):
    return lambda: browser.post(TICKET).json()["ticket"]


@in_a_loop
async def test_a_page_opens_a_socket_that_ends_with_the_browsers_log_in(cast, browser):
    talk = await sync_to_async(begun)(cast)
    async with opened(ticket_from(browser), side="staff") as desk:
        answer = await desk.ask(type="follow", conversation=talk.pk, after=0)
        assert answer["last_seq"] == 1
        await asyncio.sleep(0.3)
        assert (await desk.ask(type="ping"))["type"] == "pong"
        await sync_to_async(browser.logout)()
        closed = await desk.closed()
        assert (closed.code, closed.reason) == (4401, "access_ended")


def begun(cast):
    return conversation(cast.driver, "Where is my pay?")


@in_a_loop
async def test_a_note_is_told_to_the_companys_staff_and_to_no_driver(cast, browser):
    talk = await sync_to_async(begun)(cast)
    driver, elsewhere = await sync_to_async(log_ins)(cast)
    async with (
        opened(ticket_from(browser), side="staff") as desk,
        opened(driver) as phone,
        opened(elsewhere) as foreign,
    ):
        assert foreign.welcome["side"] == "staff"
        await phone.ask(type="follow", conversation=talk.pk, after=1)
        assert (await desk.get())["type"] == "changed"  # a process begins with what is new
        await phone.ask(type="ping")
        phone.heard.clear()
        first = await sync_to_async(noted)(cast, talk)
        here({}).look_at(NOTES, talk.pk)
        assert await desk.get() == {"type": "note", "conversation": talk.pk, "note": first.pk}
        second = await sync_to_async(noted)(cast, talk)  # of which no bell tells
        assert await desk.get() == {"type": "note", "conversation": talk.pk, "note": second.pk}

        await sync_to_async(begun_elsewhere)(cast)
        await sync_to_async(answer)(cast, talk)
        assert (await foreign.get())["type"] == "changed"
        [said] = await messages(phone, 1)
        assert said["body"] == "On its way."
        assert "note" not in [frame["type"] for frame in (*phone.heard, *foreign.heard)]
        changes = [frame["last_seq"] for frame in phone.heard if frame["type"] == "changed"]
        assert set(changes) <= {2}, "of the answer, not of the notes"


def log_ins(cast):
    return log_in(cast.driver.user, cast.a.pk), log_in(cast.outsider, cast.b.pk)


def noted(cast, talk):
    return services.add_note(talk, actor=cast.actor(), body="He bent it himself")


def begun_elsewhere(cast):
    return conversation(cast.foreign_driver, "Where is mine?")


def test_a_note_rings_for_staff_alone(cast, django_capture_on_commit_callbacks):
    talk = begun(cast)
    with django_capture_on_commit_callbacks() as bells:
        noted(cast, talk)
    assert [bell.args for bell in bells if getattr(bell, "func", None) is broadcast._publish] == [
        (NOTES, talk.pk)
    ]


@in_a_loop
async def test_a_new_password_ends_it_too(cast, browser):
    async with opened(ticket_from(browser), side="staff") as desk:
        await sync_to_async(new_password)(cast)
        assert (await desk.closed()).code == 4401


def new_password(cast):
    cast.support.set_password("another long password")
    cast.support.save()


def test_a_ticket_of_another_browser_or_for_nobody_is_none(cast, browser):
    assert browser.get(TICKET).status_code == 405
    strict = Browser(enforce_csrf_checks=True)
    strict.login(username=cast.support.email, password=PASSWORD)
    assert strict.post(TICKET).status_code == 403
    assert Browser().post(TICKET).status_code == 302
    viewer = Browser()
    viewer.login(username=cast.viewer.email, password=PASSWORD)
    assert viewer.post(TICKET).status_code == 403
    root = Browser()
    root.force_login(cast.superuser)
    assert root.post(TICKET).status_code == 409
    assert not SocketTicket.objects.exists()


def test_tickets_are_limited(cast, browser, monkeypatch):
    monkeypatch.setattr("fleets.limits.SOCKET_TICKETS", limit_of_two())
    answers = [browser.post(TICKET) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["code"] == "too_many_attempts"
    with pytest.raises(Exception, match="too_many_attempts"):
        log_in(cast.support, cast.a.pk)()


def limit_of_two():
    return Limit("socket_tickets", 2, timedelta(minutes=10))


def test_the_pages_say_where_tickets_are(cast, browser):
    talk = conversation(cast.driver, "Where is my pay?")
    inbox = browser.get("/admin/chat/conversation/").content.decode()
    page = browser.get(f"/admin/chat/conversation/{talk.pk}/change/").content.decode()
    assert f'data-ticket="{TICKET}"' in inbox
    assert "chat/inbox.js" in inbox
    assert f'data-ticket="{TICKET}" data-conversation="{talk.pk}"' in page
