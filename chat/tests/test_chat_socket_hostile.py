"""Hostile and dead clients over the wire: bounded, told why, and never a traceback."""

import asyncio
import base64
import json
import os
import resource
import signal
import struct
import time

import psutil
import pytest
from django.db import connection
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from chat import services
from chat.tests.test_chat_socket_cuts import UNBOUNDED, ticket_of
from chat.tests.world import conversation
from fleets.services import auth
from voltop.context import Actor
from voltop.tests.cast import Cast
from voltop.tests.embedded_instance import free_port
from voltop.tests.live_process import live
from voltop.tests.real_processes import running, wait_until
from voltop.tests.test_postgres_restarts import answers

pytestmark = pytest.mark.django_db(transaction=True)

MASK = b"\x00\x00\x00\x00"
HELLO_AGAIN = b'{"type": "hello", "ticket": "x"}'


def frame(opcode, payload, *, fin=True, masked=True, length=None):
    """A frame as RFC 6455 section 5.2 has it; the mask is zero."""
    size = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | opcode])
    bit = 0x80 if masked else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65_536:
        head += bytes([bit | 126]) + struct.pack("!H", size)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", size)
    return head + (MASK if masked else b"") + payload


TEXT, BINARY, CONTINUED, PING = 1, 2, 0, 9
HOSTILE = (
    frame(TEXT, b"\xff\xfe"),
    frame(TEXT, b"\xed\xa0\x80"),  # half a surrogate
    frame(BINARY, os.urandom(200)),
    frame(TEXT, b"x" * 20_000),
    frame(TEXT, b"x" * 60_000),
    frame(TEXT, b"", length=2**40),
    frame(TEXT, b"", length=2**63 - 1),
    frame(TEXT, b"{}", masked=False),
    frame(3, b"{}"),  # an opcode that nobody has defined
    frame(CONTINUED, b"{}"),
    frame(TEXT, b"[" * 10_000),
    frame(TEXT, b'{"type": "' + b"a" * 9_000 + b'"}'),
    frame(TEXT, b'{"type": "send", "body": "\\u0000"}'),
    frame(TEXT, b'{"type": "read", "seq": 1e999999}'),
    frame(TEXT, b'{"type": "read", "seq": ' + b"9" * 10_000 + b"}"),
    frame(TEXT, HELLO_AGAIN),
    frame(TEXT, b"null"),
    frame(TEXT, b'{"type": "do_send"}'),
    b"".join(frame(TEXT, b"{", fin=False) + frame(CONTINUED, b"{", fin=False) for _ in range(50)),
    frame(PING, b"x" * 126),
    frame(8, b"\x00"),
    frame(8, struct.pack("!H", 999)),
    b"GET / HTTP/1.1\r\n\r\n",
    os.urandom(500),
    b"",
)


async def shaken(port):
    """A connection that has shaken hands, and nothing more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(os.urandom(16))
    writer.write(
        b"GET /ws/v1/chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: " + key + b"\r\n\r\n"
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101"), head
    return reader, writer


async def provoke(port, raw, ticket):
    """Send the bytes, with or without a ticket before them; the server answers or hangs up."""
    reader, writer = await shaken(port)
    if ticket is not None:
        hello = json.dumps({"type": "hello", "ticket": ticket}).encode()
        writer.write(frame(TEXT, hello))
        await reader.read(100)
    writer.write(raw)
    if len(raw) % 2:
        writer.write_eof()
    try:
        async with asyncio.timeout(0.1):
            await reader.read(10_000)
    except (TimeoutError, OSError):
        pass
    writer.transport.abort()


def flood(tmp_path, rounds):
    port, cast = free_port(), Cast()
    desk = ticket_of(cast.support, cast.a.pk)
    server = live(tmp_path / "live.log", port, **UNBOUNDED)

    async def all_of_them():
        for number in range(rounds):
            kind, ticket = HOSTILE[number % len(HOSTILE)], await asyncio.to_thread(desk)
            calls = [provoke(port, raw, None) for raw in HOSTILE]
            calls.append(provoke(port, kind, ticket))
            await asyncio.gather(*calls)
        async with connect(f"ws://127.0.0.1:{port}/ws/v1/chat") as line:
            ticket = await asyncio.to_thread(desk)
            await line.send(json.dumps({"type": "hello", "ticket": ticket}))
            assert json.loads(await line.recv())["type"] == "welcome"

    with running(server):
        wait_until(lambda: answers(port), within_s=60, meanwhile=server.still_lives)
        before = psutil.Process(server.popen.pid).memory_info().rss
        asyncio.run(all_of_them())
        grown = psutil.Process(server.popen.pid).memory_info().rss - before
        server.stop()
    log = server.log.read_text()
    assert "Traceback" not in log, log[-3000:]
    assert '"level": "error"' not in log, log[-3000:]
    return grown


@pytest.mark.sample
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_some_hostile_frames(tmp_path):
    flood(tmp_path, 4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ten_thousand_hostile_frames_leave_no_traceback_and_little_memory(tmp_path):
    assert flood(tmp_path, 10_000 // len(HOSTILE)) < 60e6


def test_who_is_logged_out_is_cut_and_the_servers_end_is_told(tmp_path):
    """In true time: seconds after the log-out, and 1012 when the server is told to end."""
    port, cast = free_port(), Cast()
    desk, phone = ticket_of(cast.support, cast.a.pk), ticket_of(cast.driver.user, cast.a.pk)
    server = live(tmp_path / "live.log", port)
    url = f"ws://127.0.0.1:{port}/ws/v1/chat"

    def log_out():
        auth.log_out_everywhere(cast.support, actor=Actor("user", cast.support.pk, cast.a.pk))
        connection.close()

    async def entered(ticket):
        line = await connect(url)
        raw = await asyncio.to_thread(ticket)
        await line.send(json.dumps({"type": "hello", "ticket": raw}))
        assert json.loads(await line.recv())["type"] == "welcome"
        return line

    async def why(line):
        try:
            while True:
                await line.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code

    async def work():
        kept, cut = await entered(phone), await entered(desk)
        begun = time.monotonic()
        await asyncio.to_thread(log_out)
        assert await why(cut) == 4401
        took_s = time.monotonic() - begun
        server.popen.send_signal(signal.SIGTERM)
        assert await why(kept) == 1012
        return took_s

    with running(server):
        wait_until(lambda: answers(port), within_s=60, meanwhile=server.still_lives)
        took_s = asyncio.run(work())
        assert server.popen.wait(30) in (0, -signal.SIGTERM)
    shared_by = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert took_s < 5 * shared_by
    assert "Traceback" not in server.log.read_text()


@pytest.mark.slow
def test_a_slow_reader_costs_the_others_nothing(tmp_path):
    """Who reads nothing of eight megabytes is dropped; the server keeps but a buffer of it."""
    port, cast = free_port(), Cast()
    talk = conversation(cast.driver, "first")
    actor, author = Actor("user", cast.driver.user_id, cast.a.pk), services.Author.driver
    for _ in range(2_000):
        services.post_message(
            talk, actor=actor, author=author(cast.driver.user_id), body="x" * 4_000
        )
    desk = ticket_of(cast.support, cast.a.pk)
    server = live(tmp_path / "live.log", port, VOLTOP_SOCKET_READ_WITHIN_S="2", **UNBOUNDED)

    async def follow(after):
        _reader, writer = await shaken(port)
        writer.transport.pause_reading()
        for said in (
            {"type": "hello", "ticket": await asyncio.to_thread(desk)},
            {"type": "follow", "conversation": talk.pk, "after": after},
        ):
            writer.write(frame(TEXT, json.dumps(said).encode()))
            await asyncio.sleep(0.3)
        return writer

    async def work():
        slow = [await follow(0) for _ in range(10)]
        async with connect(f"ws://127.0.0.1:{port}/ws/v1/chat") as line:
            raw = await asyncio.to_thread(desk)
            await line.send(json.dumps({"type": "hello", "ticket": raw}))
            await line.recv()
            begun = time.monotonic()
            await line.send('{"type": "ping"}')
            while json.loads(await line.recv())["type"] != "pong":
                pass
            took_s = time.monotonic() - begun
        deadline = time.monotonic() + 60
        while server.log.read_text().count("slow_reader") < 10:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
        for writer in slow:
            writer.transport.abort()
        return took_s

    with running(server):
        wait_until(lambda: answers(port), within_s=60, meanwhile=server.still_lives)
        before = psutil.Process(server.popen.pid).memory_info().rss
        took_s = asyncio.run(work())
        grown = psutil.Process(server.popen.pid).memory_info().rss - before
        server.stop()
    assert took_s < 2
    assert grown < 40e6
    assert "Traceback" not in server.log.read_text()


@pytest.mark.slow
def test_a_thousand_idle_sockets_take_little_memory(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8_192)), hard))
    port, cast = free_port(), Cast()
    desk = ticket_of(cast.support, cast.a.pk)
    own = {**UNBOUNDED, "VOLTOP_SOCKETS_PER_PERSON": "2000", "VOLTOP_SOCKET_IDLE_S": "600"}
    server = live(tmp_path / "live.log", port, **own)

    async def work():
        lines = []
        for _ in range(1_000):
            reader, writer = await shaken(port)
            hello = {"type": "hello", "ticket": await asyncio.to_thread(desk)}
            writer.write(frame(TEXT, json.dumps(hello).encode()))
            assert b"welcome" in await reader.read(500)
            lines.append(writer)
        await asyncio.sleep(5)
        rss = psutil.Process(server.popen.pid).memory_info().rss
        for writer in lines:
            writer.transport.abort()
        return rss

    with running(server):
        wait_until(lambda: answers(port), within_s=60, meanwhile=server.still_lives)
        before = psutil.Process(server.popen.pid).memory_info().rss
        rss = asyncio.run(work())
        server.stop()
    print("\n" + json.dumps({"before_mb": before // 2**20, "with_1000_mb": rss // 2**20}))
    assert rss - before < 100e6
    assert rss < 300e6
