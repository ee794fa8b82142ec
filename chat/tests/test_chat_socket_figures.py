"""What Prometheus is told of sockets: how many are open, what went over them, why they ended."""

import asyncio

import pytest
from prometheus_client.registry import REGISTRY

from chat.tests.test_chat_socket import in_a_loop, opened
from voltop.sockets import hub
from voltop.tests.socket_clients import Client, log_in
from voltop.tests.test_metrics import fetch, known  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db


@pytest.fixture
def driver(cast):
    return log_in(cast.driver.user, cast.a.pk)


def told(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"kind": "chat", **labels}) or 0.0


def frames(direction: str) -> float:
    return told("voltop_socket_frames_total", direction=direction)


def ends(reason: str, kind: str = "chat") -> float:
    return told("voltop_socket_ends_total", reason=reason, kind=kind)


async def gone(before: float) -> None:
    """A socket's last step comes after its client has heard of the end."""
    async with asyncio.timeout(5):
        while told("voltop_sockets_open") != before:
            await asyncio.sleep(0.01)


@in_a_loop
async def test_open_sockets_are_counted_until_they_end(driver):
    before = told("voltop_sockets_open")
    silent = Client()
    await silent.open()
    assert told("voltop_sockets_open") == before, "without its ticket it is nobody's yet"
    async with opened(driver), opened(driver):
        assert told("voltop_sockets_open") == before + 2
    await gone(before)
    await silent.leave()
    assert told("voltop_sockets_open") == before


@in_a_loop
async def test_frames_are_counted_both_ways(driver):
    taken, handed_on = frames("in"), frames("out")
    async with opened(driver) as phone:  # a ticket, a welcome
        await phone.ask(type="ping")
        phone.put("no object")
        await phone.get()
    assert (frames("in") - taken, frames("out") - handed_on) == (3, 3)


@in_a_loop
async def test_an_end_is_counted_by_its_reason(driver):
    hung_up, invalid = ends("hung_up"), ends("ticket_invalid")
    async with opened(driver):
        pass
    stranger = Client()
    await stranger.enter("vtw_nobody")
    await stranger.closed()
    await stranger.leave()
    assert ends("hung_up") == hung_up + 1
    assert ends("ticket_invalid") == invalid + 1


@in_a_loop
async def test_a_slow_reader_is_counted(driver, settings):
    settings.SOCKET_READ_WITHIN_S = 0.1
    slow, handed_on = ends("slow_reader"), frames("out")
    async with opened(driver) as phone:
        phone.reads.clear()
        phone.put({"type": "ping"})
        await asyncio.sleep(0.3)
        phone.reads.set()
        assert (await phone.closed()).reason == "slow_reader"
    assert ends("slow_reader") == slow + 1
    assert frames("out") == handed_on + 1, "the welcome; what was not taken was not handed on"


@in_a_loop
async def test_refused_handshakes_are_counted_whatever_address_they_asked_for(monkeypatch):
    strange = "made-up"
    before = {
        "not_found": ends("not_found", "none"),
        "foreign_origin": ends("foreign_origin"),
        "too_many_sockets": ends("too_many_sockets"),
    }
    assert await Client(path=f"/ws/v1/{strange}").open() == 404
    assert await Client(headers=[(b"origin", b"https://evil.example")]).open() == 403
    monkeypatch.setattr(hub, "MAX_SOCKETS", 0)
    assert await Client().open() == 503
    assert ends("not_found", "none") == before["not_found"] + 1
    assert ends("foreign_origin") == before["foreign_origin"] + 1
    assert ends("too_many_sockets") == before["too_many_sockets"] + 1
    assert ends("not_found", strange) == 0, "nobody makes up labels"


def test_the_page_tells_them(known, driver):  # noqa: F811
    page = fetch().content.decode()
    for name in ("voltop_sockets_open", "voltop_socket_frames_total", "voltop_socket_ends_total"):
        assert f"\n# HELP {name.removesuffix('_total')}" in page
