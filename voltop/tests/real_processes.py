"""Workers, beats and web servers as real processes on the database of the test."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import connection

from benchmarks.server import web_command
from voltop.embedded.paths import CHECKOUT

QUEUES = ",".join(
    sorted({"default", *(route["queue"] for route in settings.CELERY_TASK_ROUTES.values())})
)


def environment(**more: str) -> dict[str, str]:
    """This process's settings, with the test's database instead of the product's."""
    options = connection.settings_dict
    host = options["HOST"].replace("/", "%2F")
    port = f":{options['PORT']}" if options["PORT"] else ""
    password = f":{options['PASSWORD']}" if options["PASSWORD"] else ""
    url = f"postgres://{options['USER']}{password}@{host}{port}/{options['NAME']}"
    own = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "voltop.settings.base"}
    own["REDIS_URL"] = os.environ.get("REDIS_URL", "")
    return {**os.environ, **{k: v for k, v in own.items() if v}, "VOLTOP_DB_POOL_MAX": "3", **more}


class Process:
    """One process of ours that is started, killed and started again.

    `base` is the environment of another instance than the test's own.
    """

    def __init__(
        self,
        log: Path,
        *args: str,
        base: Mapping[str, str] | None = None,
        pass_fds: tuple[int, ...] = (),
        **env: str,
    ) -> None:
        self.log, self.args, self.env = log, args, env
        self.base, self.pass_fds = base, pass_fds
        self.popen: subprocess.Popen[bytes] | None = None

    def start(self) -> "Process":
        with self.log.open("ab") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", *self.args],
                cwd=CHECKOUT,
                env=environment(**self.env) if self.base is None else {**self.base, **self.env},
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=self.pass_fds,
            )
        return self

    @property
    def lives(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    def still_lives(self) -> None:
        """AssertionError with the end of its log when it has ended."""
        assert self.lives, self.log.read_text()[-3000:]

    def kill(self) -> None:
        assert self.popen is not None
        self.popen.kill()
        self.popen.wait()

    def kill_all(self) -> None:
        """With whatever it has started: a web server's workers would outlive it for a while."""
        assert self.popen is not None
        os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def end_all(self) -> None:
        """It and whatever it started: a killed master leaves its workers behind."""
        if self.popen is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()

    def stop(self, wait_s: float = 60) -> int:
        """SIGTERM, and its exit code."""
        assert self.popen is not None
        if self.lives:
            self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(wait_s)


def worker(log: Path, *options: str, app: str = "voltop", **env: str) -> Process:
    args = ("celery", "-A", app, "worker", "-Q", QUEUES, "-l", "INFO", "--without-mingle")
    return Process(log, *args, "--without-gossip", *options, **env)


def beat(log: Path, schedule: Path) -> Process:
    return Process(log, "celery", "-A", "voltop", "beat", "-s", str(schedule), "--pidfile=")


def web(log: Path, port: int, *, base: Mapping[str, str] | None = None, **env: str) -> Process:
    """The web process as the image runs it (Dockerfile)."""
    command = web_command()
    for name, value in (("--host", "127.0.0.1"), ("--port", str(port))):
        command[command.index(name) + 1] = value
    return Process(log, *command, base=base, **env)


@contextmanager
def running(*processes: Process) -> Iterator[None]:
    with ended(*processes):
        for process in processes:
            process.start()
        yield


@contextmanager
def ended(*processes: Process) -> Iterator[None]:
    """None of them lives on, whatever happens."""
    try:
        yield
    finally:
        for process in processes:
            if process.lives:
                process.kill_all()


def wipe_redis() -> None:
    redis.Redis.from_url(settings.CACHES["default"]["LOCATION"]).flushall()


def wait_until(true: Callable[[], Any], *, within_s: float, meanwhile: Callable[[], Any]) -> float:
    """Seconds until it is true; AssertionError when it takes longer on a machine of our own.

    Where others compute too, everything takes longer by as much as there are too few processors.
    """
    begun = time.monotonic()
    while not true():
        waited = time.monotonic() - begun
        shared_by = max(1.0, os.getloadavg()[1] / (os.cpu_count() or 1))
        assert waited < within_s * shared_by, f"not within {within_s} s, times {shared_by:.1f}"
        meanwhile()
        time.sleep(0.5)
    return time.monotonic() - begun
