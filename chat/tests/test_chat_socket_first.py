"""A new driver's first ten messages at the same moment, over sockets and the API of a real server:
one conversation, ten messages without a gap, each acknowledged once.
"""

import asyncio
import json
import urllib.request
from collections import Counter

import pytest
from websockets.asyncio.client import connect

from chat.models import Conversation, Message
from chat.tests.test_chat_socket_cuts import UNBOUNDED, ticket_of
from fleets.services import auth
from voltop import clock
from voltop.tests.cast import Cast
from voltop.tests.embedded_instance import free_port
from voltop.tests.live_process import live
from voltop.tests.real_processes import running, wait_until
from voltop.tests.test_postgres_restarts import answers

pytestmark = pytest.mark.django_db(transaction=True)
FIRST = 10
QUIET_S = 0.5
"""How long after the last answer a second one would have come."""


class Driver:
    """A new driver with ten phones in hand."""

    def __init__(self, port: int) -> None:
        cast = Cast()
        self.driver = cast.new_driver("Nova", cast.a)
        self.address = f"127.0.0.1:{port}"
        ticket = ticket_of(self.driver.user, cast.a.pk)
        self.tickets = [ticket() for _ in range(FIRST)]
        self.token = auth.start(self.driver.user, "", "", clock.now()).access_token

    async def over_a_socket(self, number: int, ready: asyncio.Barrier) -> list[dict]:
        """The answers to one first message, and nothing after them."""
        async with connect(f"ws://{self.address}/ws/v1/chat", compression=None) as line:
            await line.send(json.dumps({"type": "hello", "ticket": self.tickets[number]}))
            assert json.loads(await line.recv())["type"] == "welcome"
            await ready.wait()
            await line.send(json.dumps({"type": "open", **said(number)}))
            answers_ = []
            while True:
                try:
                    async with asyncio.timeout(QUIET_S if answers_ else 20):
                        frame = json.loads(await line.recv())
                except TimeoutError:
                    return answers_
                if frame["type"] in ("open", "error"):
                    answers_.append(frame)

    async def over_the_api(self, number: int, ready: asyncio.Barrier) -> list[dict]:
        await ready.wait()
        return [await asyncio.to_thread(self._post, said(number))]

    def _post(self, values: dict) -> dict:
        asked = urllib.request.Request(
            f"http://{self.address}/api/v1/me/conversations",
            data=json.dumps(values).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert answer.status == 201
            return json.load(answer)

    async def all_at_once(self, by_api: int) -> list[list[dict]]:
        ready = asyncio.Barrier(FIRST)
        ways = [self.over_the_api] * by_api + [self.over_a_socket] * (FIRST - by_api)
        return await asyncio.gather(*(way(n, ready) for n, way in enumerate(ways)))


def said(number: int) -> dict:
    return {"topic": "vehicle", "body": f"message {number}", "client_id": f"c{number}"}


@pytest.mark.slow
def test_ten_first_messages_at_once_over_sockets_and_the_api(tmp_path):
    port = free_port()
    server = live(tmp_path / "live.log", port, **UNBOUNDED)
    with running(server):
        wait_until(lambda: answers(port), within_s=60, meanwhile=server.still_lives)
        for by_api in (0, 5):
            driver = Driver(port)
            told = asyncio.run(driver.all_at_once(by_api))
            judge(driver, told[:by_api], told[by_api:])
        server.stop()
    assert "Traceback" not in server.log.read_text()


def judge(driver: Driver, by_api: list[list[dict]], by_socket: list[list[dict]]) -> None:
    [conversation] = Conversation.objects.filter(driver=driver.driver)
    rows = Message.objects.filter(conversation=conversation, author_kind="driver").order_by("seq")
    stored = {row.client_id: (row.seq, row.body) for row in rows}
    assert [row.seq for row in rows] == list(range(1, FIRST + 1))
    assert {name: body for name, (_, body) in stored.items()} == {
        f"c{n}": f"message {n}" for n in range(FIRST)
    }
    assert conversation.last_seq == FIRST
    assert Counter(map(len, by_socket)) == {1: len(by_socket)}, "each is acknowledged once"
    for number, [frame] in enumerate(by_socket, len(by_api)):
        assert frame["type"] == "open", frame
        assert (frame["conversation"], frame["client_id"]) == (conversation.pk, f"c{number}")
        assert frame["seq"] == stored[f"c{number}"][0]
    assert {answer["id"] for [answer] in by_api} <= {conversation.pk}
