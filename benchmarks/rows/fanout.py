"""Live fan-out: one message, stored, to a hundred open sockets.

The product runs as `live` does. Who writes is the same for all: the load stores the message in the
product's table, then tells the program of it the way its own code would be told. So what is
compared is from there on: until the last of the sockets has the message.
"""

import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import redis.asyncio

from benchmarks import machine, report
from benchmarks.cluster import DATABASE, Cluster
from benchmarks.fanout import world
from benchmarks.fanout.listeners import WITHIN_S, Listener
from benchmarks.report import Section, Target, table
from benchmarks.server import Server

ROW = "fanout"
LISTENERS = 100
OUTSTANDING = 4
TOGETHER = 10
"""How many connect at once; of a hundred, the Redis layer's pool refuses some."""
LONGEST_S = 0.5
"""Of a stretch: the whole row ends within a minute."""
STEADY_RATE = 20
PRODUCT, STARLETTE, CHANNELS = (
    "Voltop",
    "Starlette + one Redis subscription",
    "Channels JSON consumer, Redis core layer",
)
_UVICORN = [
    "uvicorn", "--ws", "websockets-sansio", "--ws-per-message-deflate", "false", "--no-access-log",
    "--log-level", "warning", "--host", "127.0.0.1", "--port", "8000",
]  # fmt: skip
_COMMANDS = {
    PRODUCT: ["voltop.sockets.server", "--host", "127.0.0.1", "--port", "8000"],
    STARLETTE: [*_UVICORN, "benchmarks.fanout.starlette_app:app"],
    CHANNELS: [*_UVICORN, "--lifespan", "off", "benchmarks.fanout.channels_app:app"],
}
PACKAGES = ("django", "uvicorn", "websockets", "uvloop", "redis", "starlette", "channels",
            "channels-redis")  # fmt: skip

Ring = Callable[[int, str], Awaitable[Any]]
"""Tell a program of a message: its number and its text."""


@dataclass
class Round:
    """One stretch as fast as it goes (deliveries a second, the server's CPU for each), and one at a
    steady rate."""

    rate: float
    cpu_us: float
    p99_ms: float


@dataclass
class Program:
    name: str
    server: Server
    conversation: int
    rounds: list[Round] = field(default_factory=list)

    def median(self, of: Callable[[Round], float]) -> float:
        return statistics.median(of(found) for found in self.rounds)


class Room:
    """All listeners of one program, and how often each message has been heard."""

    def __init__(self, listeners: int) -> None:
        self.listeners = listeners
        self.said_at: list[float] = []
        self.late_s: list[float] = []
        self._left: list[int] = []
        self._next = [0] * listeners
        self._all = asyncio.Event()
        self.complete = 0

    def says(self) -> int:
        self.said_at.append(time.perf_counter())
        self._left.append(self.listeners)
        return len(self.said_at) - 1

    def hears(self, listener: int) -> Callable[[], None]:
        def heard() -> None:
            number = self._next[listener]
            self._next[listener] += 1
            self.late_s.append(time.perf_counter() - self.said_at[number])
            self._left[number] -= 1
            if not self._left[number]:
                self.complete += 1
                self._all.set()

        return heard

    async def until(self, complete: int) -> bool:
        """Whether so many messages have been heard by all, within a time."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while self.complete < complete:
                    self._all.clear()
                    await self._all.wait()
        except TimeoutError:
            return False
        return True


class Bench:
    def __init__(self, cluster: Cluster, *, seconds: float, listeners: int = LISTENERS) -> None:
        self.cluster, self.listeners = cluster, listeners
        self.seconds = min(seconds, LONGEST_S)
        self.world = world.build(list(_COMMANDS), listeners)
        self.redis_url = f"unix://{cluster.services.layout.valkey_socket}"
        self.wrong: list[str] = []
        self.spins: list[float] = []
        env = {"BENCH_REDIS": self.redis_url}
        self.programs = {
            name: Program(name, Server(name, command, env), self.world.conversations[name])
            for name, command in _COMMANDS.items()
        }

    def stop(self) -> None:
        for program in self.programs.values():
            program.server.stop()

    # --- One stretch -----------------------------------------------------------------------------
    def measure(self, name: str) -> Round:
        """A stretch with everybody listening; what is wrong with it goes into `wrong`."""
        program = self.programs[name]
        tickets = self.world.tickets() if name == PRODUCT else [""] * self.listeners
        return asyncio.run(self._stretch(program, tickets))

    async def _stretch(self, program: Program, tickets: list[str]) -> Round:
        room = Room(self.listeners)
        path = "/ws/v1/chat" if program.name == PRODUCT else "/"
        sockets = [Listener(path, room.hears(number)) for number in range(self.listeners)]
        dsn = self.cluster.dsn(DATABASE)
        client = redis.asyncio.Redis.from_url(self.redis_url)
        async with client, await psycopg.AsyncConnection.connect(dsn, autocommit=True) as database:
            ring = self._ring(program, client)

            async def say() -> None:
                number = room.says()
                body = f"message {number}: where do I charge tonight?"
                found = await database.execute(world.STORE, [program.conversation, body])
                seq: int = (await found.fetchone())[0]  # type: ignore[index]  # one row, always
                await ring(seq, body)

            found = await database.execute(world.LAST, [program.conversation])
            after: int = (await found.fetchone())[0]  # type: ignore[index]
            try:
                both = list(zip(sockets, tickets, strict=True))
                for some in (both[at : at + TOGETHER] for at in range(0, len(both), TOGETHER)):
                    await asyncio.gather(*(_enter(s, program, t, after) for s, t in some))
                await asyncio.sleep(0.1)
                self.spins.append(machine.spin())
                await say()  # the first one finds what is not warm yet
                await room.until(1)
                rate, cpu_us = await self._fast(program, room, say)
                return Round(rate, cpu_us, await self._steady(program, room, say))
            finally:
                for socket in sockets:
                    socket.close()
                await asyncio.sleep(0.1)

    def _ring(self, program: Program, client: "redis.asyncio.Redis") -> Ring:
        if program.name == PRODUCT:

            async def bell(seq: int, body: str) -> None:
                await client.publish("voltop.sockets.chat", str(program.conversation))

            return bell
        if program.name == STARLETTE:
            from benchmarks.fanout.starlette_app import CHANNEL

            async def publish(seq: int, body: str) -> None:
                await client.publish(CHANNEL, json.dumps(_frame(program, seq, body)))

            return publish
        from channels_redis.core import RedisChannelLayer

        layer = RedisChannelLayer(hosts=[self.redis_url], capacity=10_000)

        async def group_send(seq: int, body: str) -> None:
            await layer.group_send("room", {"type": "say", "frame": _frame(program, seq, body)})

        return group_send

    async def _fast(
        self, program: Program, room: Room, say: Callable[[], Awaitable[None]]
    ) -> tuple[float, float]:
        """As fast as everybody hears it, a few messages ahead of the slowest listener."""
        cpu, began = program.server.cpu(), time.perf_counter()
        said = 1
        while time.perf_counter() - began < self.seconds:
            await say()
            said += 1
            await room.until(said - OUTSTANDING)
        well = await room.until(said)
        spent, cpu = time.perf_counter() - began, program.server.cpu() - cpu
        if not well:
            self.wrong.append(f"{program.name}: {said - room.complete} messages not heard by all")
        deliveries = (said - 1) * self.listeners
        return deliveries / spent, cpu / deliveries * 1e6

    async def _steady(
        self, program: Program, room: Room, say: Callable[[], Awaitable[None]]
    ) -> float:
        """p99 in ms from the instant at which a message is begun to be stored to its delivery."""
        said = room.complete
        room.late_s.clear()
        count = max(2, round(STEADY_RATE * self.seconds))
        began = time.perf_counter()
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / STEADY_RATE - time.perf_counter()))
            await say()
        if not await room.until(said + count):
            self.wrong.append(f"{program.name}: not heard by all at {STEADY_RATE} a second")
        return statistics.quantiles(room.late_s, n=100)[98] * 1e3


async def _enter(socket: Listener, program: Program, ticket: str, after: int) -> None:
    await socket.connect(program.server.port)
    if program.name == PRODUCT:
        await socket.ask(type="hello", ticket=ticket, side="staff")
        await socket.ask(type="follow", conversation=program.conversation, after=after)


def _frame(program: Program, seq: int, body: str) -> dict[str, Any]:
    """What the product tells of a message."""
    return {
        "type": "message",
        "conversation": program.conversation,
        "seq": seq,
        "author_kind": "driver",
        "author": 1,
        "body": body,
        "attachments": [],
        "client_id": None,
        "sent_at": datetime.now(UTC).isoformat(),
    }


def run(cluster: Cluster, *, rounds: int, seconds: float) -> Section:
    bench = Bench(cluster, seconds=seconds)
    try:
        return _run(bench, rounds)
    finally:
        bench.stop()


def _run(bench: Bench, rounds: int) -> Section:
    rng = random.Random(7)
    for number in range(rounds):
        names = list(bench.programs)
        rng.shuffle(names)
        for name in names:
            program = bench.programs[name]
            program.rounds.append(bench.measure(name))
            print(
                f"{ROW} {number + 1}/{rounds} {name}: {program.rounds[-1].rate:,.0f}/s",
                file=sys.stderr,
            )
    targets = _targets(bench)
    return Section(ROW, "Live fan-out", _text(bench, targets, rounds), targets, bench.wrong)


# --- What it comes to ----------------------------------------------------------------------------
def _targets(bench: Bench) -> list[Target]:
    product, channels = bench.programs[PRODUCT], bench.programs[CHANNELS]
    void = "; ".join(bench.wrong[:5])
    rate = _rate(product) / _rate(channels)
    late = f"p99 of a delivery at {STEADY_RATE} messages a second, ms"
    return [
        Target(ROW, CHANNELS, rate, at_least=1.3, void=void),
        Target(ROW, late, _p99(product), at_most=150, void=void),
    ]


def _rate(program: Program) -> float:
    return program.median(lambda found: found.rate)


def _cpu(program: Program) -> float:
    return program.median(lambda found: found.cpu_us)


def _p99(program: Program) -> float:
    return program.median(lambda found: found.p99_ms)


def _text(bench: Bench, targets: list[Target], rounds: int) -> str:
    channels = bench.programs[CHANNELS]
    ordered = sorted(bench.programs.values(), key=lambda program: -_rate(program))
    measured = table(
        ("program", "deliveries/s (median)", "least–most", "× Channels", "server CPU µs",
         "CPU × Channels", "p99 ms"),
        [_line(program, channels) for program in ordered],
    )  # fmt: skip
    spins = sorted(bench.spins)
    middle = statistics.median(spins)
    about = {**machine.describe(), "PostgreSQL": bench.cluster.version()}
    about |= machine.versions(PACKAGES)
    return _PAGE.format(
        verdicts=report.verdicts(targets),
        listeners=bench.listeners,
        outstanding=OUTSTANDING,
        rounds=rounds,
        seconds=f"{bench.seconds:g}",
        steady=STEADY_RATE,
        measured=measured,
        noise=f"{spins[0] / middle:.2f}–{spins[-1] / middle:.2f}",
        about="; ".join(f"{name} {value}" for name, value in about.items()),
    )


def _line(program: Program, channels: Program) -> tuple[object, ...]:
    rates = [found.rate for found in program.rounds]
    return (
        program.name,
        f"{_rate(program):,.0f}",
        f"{min(rates):,.0f}–{max(rates):,.0f}",
        f"{_rate(program) / _rate(channels):.2f}",
        f"{_cpu(program):.0f}",
        f"{_cpu(program) / _cpu(channels):.2f}",
        f"{_p99(program):.0f}",
    )


_PAGE = """
{verdicts}

{listeners} sockets in one room, each hearing every message, in order; one server process each,
uvicorn, without compression. The load stores each message in the product's own table (fsync and
synchronous_commit on), the same for all, then tells the program: the product by its bell, Channels
by `group_send`, the bare program by publishing the text. At most {outstanding} messages are ahead
of the slowest listener. After every stretch each socket has heard every message. {rounds} rounds of
{seconds} s a program, shuffled in each round; medians. p99: from the instant at which a message is
begun to be stored, {steady} messages a second.

The product runs as `live` does (`python -m voltop.sockets.server`): tickets, access asked for anew
every few seconds, each message read back from PostgreSQL, and a second frame to every desk for the
list of conversations, which is not counted as a delivery. The others do without all of these. The
bare program is the limit, not a rival: it keeps nothing that a broken line could ask for.

{measured}

**Noise.** A fixed piece of work took {noise} × its median over the run. Load, servers, PostgreSQL
and Valkey share the machine.

{about}.
"""
