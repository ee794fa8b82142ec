"""The desk's pages by a socket: opened with the browser's log-in, over with it."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.test import Client as Browser

from chat.tests.test_chat_socket import in_a_loop, opened, quick  # noqa: F401  (a fixture)
from chat.tests.world import conversation
from fleets.limits import Limit
from fleets.models import SocketTicket
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
