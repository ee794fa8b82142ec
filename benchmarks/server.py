"""A program under its web server, as a process of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from benchmarks import machine
from voltop.embedded.paths import CHECKOUT
from voltop.embedded.process import ServiceError, spawn, stop_all

WAIT_S = 120


def web_command() -> list[str]:
    """How the image serves `web`: its CMD, so that the bench runs what compose.yaml runs."""
    text = (CHECKOUT / "Dockerfile").read_text().replace("\\\n", "")
    found = re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)
    command: list[str] = json.loads(found[-1])
    return command


def granian(application: str, *, interface: str = "wsgi") -> list[str]:
    """The image's command with another application; ASGI has no blocking threads of its own."""
    command = [*web_command()[:-1], application]
    command[command.index("--interface") + 1] = interface
    if interface != "wsgi":
        at = command.index("--blocking-threads")
        del command[at : at + 2]
    return command


def uvicorn(application: str) -> list[str]:
    """The same number of processes as the image's `web` has."""
    workers = web_command()[web_command().index("--workers") + 1]
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    options += ["--log-level", "warning", "--host", "127.0.0.1", "--port", "8000"]
    return ["uvicorn", "--workers", workers, *options, application]


class Server:
    """Started at once; `stop` ends it and all that it started."""

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.name = name
        self.port = _free_port()
        own = list(command)
        own[own.index("--port") + 1] = str(self.port)
        own[own.index("--host") + 1] = "127.0.0.1"
        logs = CHECKOUT / "build" / "bench"
        logs.mkdir(parents=True, exist_ok=True)
        self._log = logs / f"{re.sub('[^a-z0-9]+', '-', name.lower())}.log"
        with self._log.open("wb") as output:
            self.process: subprocess.Popen[bytes] = spawn(
                [sys.executable, "-m", *own],
                death_signal=signal.SIGTERM,
                output=output,
                env={**os.environ, **env},
                cwd=CHECKOUT,
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise ServiceError(f"{self.name} did not start:\n{self._log.read_text()[-2000:]}")

    def cpu(self) -> float:
        return machine.cpu_of_session(self.process.pid)

    def memory(self) -> int:
        return machine.memory_of_session(self.process.pid)

    def stop(self) -> None:
        stop_all([self.process], signal.SIGTERM, grace_s=5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
