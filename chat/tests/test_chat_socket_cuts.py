"""Sockets over the wire while lines break, Redis dies and the server ends: nothing is lost, and
nothing comes twice.
"""

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter

import pytest
from django.db import connection

from chat.models import Message
from chat.tests.world import conversation
from fleets import limits
from fleets.models import AttemptWindow
from voltop.tests.cast import Cast
from voltop.tests.embedded_instance import free_port
from voltop.tests.live_process import Phone, Valkey, live
from voltop.tests.real_processes import running, wait_until
from voltop.tests.socket_clients import log_in
from voltop.tests.test_postgres_restarts import answers

pytestmark = pytest.mark.django_db(transaction=True)

MESSAGES = int(os.environ.get("VOLTOP_CHAOS_MESSAGES", "2000"))
UNBOUNDED = {"VOLTOP_SOCKET_FRAMES_PER_10_S": "1000000", "VOLTOP_SOCKETS_PER_PERSON": "100"}


@pytest.fixture
def valkey():
    own = Valkey()
    own.start()
    yield own
    own.kill()


def ticket_of(user, provider_id):
    """Tickets, asked for from any thread, as many as one likes."""
    issue = log_in(user, provider_id)

    def ticket():
        try:
            AttemptWindow.objects.filter(purpose=limits.SOCKET_TICKETS.purpose).delete()
            return issue()
        finally:
            connection.close()

    return ticket


class Talks:
    """So many conversations, each with a driver's phone and the desk's sockets."""

    def __init__(self, port, sockets):
        cast = Cast()
        self.phones = []
        self.texts = Counter()
        desk = ticket_of(cast.support, cast.a.pk)
        for number in range(sockets // 2):
            driver = cast.new_driver(f"Driver {number}", cast.a)
            talk = conversation(driver, "first")
            self.texts[(talk.pk, "first")] += 1
            own = ticket_of(driver.user, cast.a.pk)
            self.phones += [Phone(port, own, talk.pk), Phone(port, desk, talk.pk)]

    async def play(self, messages, restarts, cuts, valkey):
        """Everybody talks while Redis restarts and lines are cut; then wait until all have it."""
        chance = random.Random(7)
        running_phones = [asyncio.create_task(phone.run()) for phone in self.phones]
        events = sorted(
            [(chance.random(), "restart") for _ in range(restarts)]
            + [(chance.random(), "cut") for _ in range(cuts)]
        )
        for number in range(messages):
            side = self.phones[1::2] if number % 10 == 9 else self.phones[::2]
            phone = side[number // 10 % len(side) if number % 10 == 9 else number % len(side)]
            body = f"message {number}"
            phone.say(f"c{number}", body)
            self.texts[(phone.conversation, body)] += 1
            while events and events[0][0] <= (number + 1) / messages:
                if events.pop(0)[1] == "cut":
                    chance.choice(self.phones).cut()
                else:
                    await asyncio.to_thread(valkey.kill)
                    await asyncio.sleep(0.5)
                    await asyncio.to_thread(valkey.start)
            if number % 20 == 0:
                while sum(len(phone.to_send) for phone in self.phones) > 200:
                    await asyncio.sleep(0.02)
        await self._settled()
        for phone in self.phones:
            await phone.end()
        for task in running_phones:
            task.cancel()

    async def _settled(self):
        expected = Counter(talk for talk, _body in self.texts.elements())
        async with asyncio.timeout(120):
            while any(
                phone.to_send or len(phone.heard) < expected[phone.conversation]
                for phone in self.phones
            ):
                await asyncio.sleep(0.1)

    def judge(self):
        stored = Counter(Message.objects.unscoped().values_list("conversation_id", "body"))
        assert stored == self.texts, "lost, or stored twice"
        for phone in self.phones:
            count = sum(n for (talk, _), n in self.texts.items() if talk == phone.conversation)
            assert phone.heard == list(range(1, count + 1)), "a gap, a turn, or heard twice"
            assert phone.refusals == []


def play(tmp_path, valkey, *, messages, sockets, restarts, cuts):
    port = free_port()
    server = live(tmp_path / "live.log", port, REDIS_URL=valkey.url, **UNBOUNDED)
    with running(server):
        talks = Talks(port, sockets)
        wait_until(lambda: answers(port), within_s=60, meanwhile=server.still_lives)
        begun = time.monotonic()
        asyncio.run(talks.play(messages, restarts, cuts, valkey))
        took_s = time.monotonic() - begun
        assert server.stop() in (0, -signal.SIGTERM)
    talks.judge()
    assert valkey.starts == restarts + 1
    connects = sum(phone.connects for phone in talks.phones)
    assert connects >= sockets + cuts // 2
    log = server.log.read_text()
    assert '"level": "error"' not in log, log[-3000:]
    assert "Traceback" not in log, log[-3000:]
    print("\n" + json.dumps(
        {"messages": messages, "sockets": sockets, "restarts": restarts, "connects": connects,
         "seconds": round(took_s, 1)}
    ))  # fmt: skip


@pytest.mark.sample
def test_some_messages_while_redis_restarts_and_lines_break(tmp_path, valkey):
    play(tmp_path, valkey, messages=200, sockets=6, restarts=1, cuts=4)


@pytest.mark.slow
def test_many_messages_over_fifty_sockets(tmp_path, valkey):
    play(tmp_path, valkey, messages=MESSAGES, sockets=50, restarts=5, cuts=20)
