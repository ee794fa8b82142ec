"""`manage.py up`: one command starts everything, and nothing of it is left behind."""

import contextlib
import json
import os
import pwd
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from voltop.embedded import paths
from voltop.embedded.process import FileLock
from voltop.tests.embedded_instance import (
    environment,
    free_port,
    instance_folder,
    remove,
    seconds_until_nothing_lives,
)

READY_WITHIN_S = 120
ENDS_WITHIN_S = 5.0


class Running:
    """A started `manage.py up`."""

    def __init__(self, home: Path, port: int, **more) -> None:
        self.home = home
        self.port = port
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            command(port),
            cwd=paths.CHECKOUT,
            env=environment(home, VOLTOP_DEMO="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **more,
        )

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        deadline = time.monotonic() + READY_WITHIN_S
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith("Ctrl-C ends it"):
                return
            assert time.monotonic() < deadline, self.lines
        raise AssertionError(f"ended with {self.process.wait()}: {self.lines}")

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as got:
                return got.status, got.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def pids(self, word: str) -> list[int]:
        """Our processes whose command line has `word`, from the lock they all hold."""
        lock = FileLock(self.home / "alive.lock")
        try:
            holders = lock.holders()
        finally:
            lock.close()
        found = []
        for pid in holders:
            with contextlib.suppress(OSError):
                if word in Path(f"/proc/{pid}/cmdline").read_text():
                    found.append(pid)
        return sorted(found)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def command(port: int) -> list[str]:
    return [sys.executable, "manage.py", "up", "--port", str(port)]


def refused(home: Path, port: int) -> list[str]:
    """The lines of an `up` that must not start."""
    done = subprocess.run(
        command(port),
        cwd=paths.CHECKOUT,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    return (done.stdout + done.stderr).strip().splitlines()


@contextlib.contextmanager
def up(home: Path, **more):
    running = Running(home, free_port(), **more)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.close()
        seconds_until_nothing_lives(home)


@pytest.fixture
def home():
    with instance_folder() as folder:
        yield folder


def eventually(fact, *, within_s: float):
    deadline = time.monotonic() + within_s
    while not fact():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def test_one_command_starts_all_and_an_interrupt_ends_all(home):
    with up(home) as voltop:
        assert f"Voltop is ready: http://127.0.0.1:{voltop.port}/admin/" in voltop.lines
        status, body = voltop.get("/readyz")
        assert (status, json.loads(body)["redis"]) == (200, "ok")
        assert voltop.get("/admin/login/")[0] == 200
        assert voltop.pids("celery")
        voltop.process.send_signal(signal.SIGINT)
        assert voltop.process.wait(30) == 0
        assert seconds_until_nothing_lives(home) < ENDS_WITHIN_S


@pytest.mark.slow
def test_no_signal_and_no_kill_leaves_a_process_and_the_next_start_is_not_hindered(home):
    for number in (signal.SIGTERM, signal.SIGHUP):
        with up(home) as voltop:
            begun = time.monotonic()
            voltop.process.send_signal(number)
            assert voltop.process.wait(30) == 0
            seconds_until_nothing_lives(home)
            assert time.monotonic() - begun < ENDS_WITHIN_S, number
    with up(home) as voltop:
        eventually(lambda: len(voltop.pids("celery")) >= 4, within_s=60)  # pool processes too
        voltop.process.kill()
        voltop.process.wait()
        assert seconds_until_nothing_lives(home) < ENDS_WITHIN_S
    with up(home) as again:
        assert again.get("/readyz")[0] == 200


@pytest.mark.slow
def test_what_hinders_a_start_is_said_in_one_line_and_what_dies_is_started_again(home):
    with up(home) as voltop, instance_folder() as other:
        (line,) = refused(home, free_port())
        assert "runs already" in line
        assert f"http://127.0.0.1:{voltop.port}/admin/, process {voltop.process.pid}" in line
        (line,) = refused(other, voltop.port)
        assert f"port {voltop.port} on 127.0.0.1 cannot be used (Address already in use)" in line
        assert voltop.get("/livez")[0] == 200
        for word in ("voltop.embedded.web", "worker", "beat", "valkey", "postgres"):
            eventually(lambda word=word: voltop.pids(word), within_s=60)
            before = set(voltop.pids(word))
            os.kill(min(before), signal.SIGKILL)
            eventually(
                lambda word=word, before=before: set(voltop.pids(word)) - before, within_s=60
            )
            eventually(lambda: voltop.is_ready(), within_s=60)


@pytest.mark.slow
def test_the_whole_starts_below_a_closed_folder_and_says_where_it_keeps_data(home):
    closed = home / ("long-" * 20) / ("closed-" * 20)
    closed.mkdir(parents=True)
    closed.parent.chmod(0o700)
    below = closed / "home"
    try:
        with up(below) as voltop:
            assert voltop.get("/readyz")[0] == 200
            found = paths.layout(below)
            told = any(str(found.service_home) in line for line in voltop.lines)
            assert told
            assert found.relocated == (os.geteuid() == 0)
    finally:
        remove(below)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_whole_starts_as_a_normal_user(home):
    user = pwd.getpwnam("nobody")
    account = paths.Account(user.pw_name, user.pw_uid, user.pw_gid)
    for needed in (paths.CHECKOUT, home.parent, Path(sys.executable).resolve().parent):
        if not paths.reachable(needed, account):
            pytest.skip(f"others cannot enter {needed}")
    os.chown(home, user.pw_uid, user.pw_gid)
    with up(home, user=user.pw_uid, group=user.pw_gid, extra_groups=[]) as voltop:
        assert voltop.get("/readyz")[0] == 200
        assert (home / "postgres").stat().st_uid == user.pw_uid
