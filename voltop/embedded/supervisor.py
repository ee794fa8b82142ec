"""Runs the processes of one instance: starts them, restarts what dies, ends all together.

For demo and development on one machine; servers have systemd or containers for this. A child
that keeps dying ends the whole, with the last lines of its log: nothing limps along unseen. Only
what the rest can do without (the demo's city) is given up alone.
"""

import collections
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from voltop.embedded import paths
from voltop.embedded.process import ServiceError, spawn, stop_all
from voltop.embedded.services import Claim, Services

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_RESTARTS_ALLOWED = 5
_RESTART_WINDOW_S = 60
_LOG_MAX_BYTES = 5_000_000
_POLL_S = 0.2
# Together below five seconds: Ctrl-C is to be over before one wonders.
_CHILDREN_GRACE_S = 2.0


class StopRequested(BaseException):
    """Raised in the main thread by the first stop signal, wherever it is."""


def say(text: str) -> None:
    """One line for the person at the terminal, who may be gone."""
    with contextlib.suppress(OSError, ValueError):
        print(text, flush=True)


@dataclass
class Child:
    """A process of ours to be kept running, and its log."""

    name: str
    args: Sequence[str]
    log: Path
    keep_fds: tuple[int, ...] = ()
    # Without it the rest still serves: it is given up alone, and said so.
    essential: bool = True
    process: subprocess.Popen[bytes] | None = None
    deaths: collections.deque[float] = field(
        default_factory=lambda: collections.deque(maxlen=_RESTARTS_ALLOWED)
    )

    def last_lines(self, count: int = 15) -> str:
        if not self.log.exists():
            return ""
        text = self.log.read_bytes()[-10_000:].decode(errors="replace")
        return "\n".join(text.splitlines()[-count:])


class Supervisor:
    """Keeps the children alive until a stop signal, and `services` too where they are ours."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.services: Services | None = None
        self.children: list[Child] = []
        self._stopping = False

    def install_signal_handlers(self) -> None:
        """Explicitly, SIGINT too: a shell starts background jobs with SIGINT ignored."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._stopping:
            self._stopping = True
            raise StopRequested

    def launch(self, child: Child) -> None:
        """Start a child and keep it running from now on."""
        _rotate(child.log)
        self._spawn(child)
        self.children.append(child)

    def _spawn(self, child: Child) -> None:
        with child.log.open("ab") as output:
            child.process = spawn(
                child.args,
                # Tasks and requests are made to be cut off anywhere; certainty comes first.
                death_signal=signal.SIGKILL,
                output=output,
                env=os.environ,
                cwd=paths.CHECKOUT,
                keep_fds=(*child.keep_fds, self.claim.lifeline.fd),
            )

    def wait_until_answering(self, child: Child, url: str, *, wait_s: float) -> None:
        """Wait until `url` answers; ServiceError with the child's log if it dies or is silent."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            if child.process is None or child.process.poll() is not None:
                break
            try:
                opener.open(url, timeout=5).close()
                return
            except urllib.error.HTTPError as error:
                error.close()
                raise ServiceError(f"{url} answers with {error.code}; see {child.log}") from None
            except OSError:  # not yet
                time.sleep(0.05)
        raise ServiceError(f"{child.name} did not start ({child.log}):\n{child.last_lines()}")

    def watch(self) -> None:
        """Restart what dies, until a signal raises StopRequested or a child dies for good."""
        while True:
            time.sleep(_POLL_S)
            for child in self.children:
                if child.process is not None and child.process.poll() is not None:
                    self._revive(child)
            if self.services is not None:
                self._revive_services(self.services)

    def _revive(self, child: Child) -> None:
        code = child.process.returncode if child.process else None
        now = time.monotonic()
        child.deaths.append(now)
        if len(child.deaths) == _RESTARTS_ALLOWED and now - child.deaths[0] < _RESTART_WINDOW_S:
            text = f"{child.name} keeps ending (exit code {code}, {child.log})"
            if child.essential:
                raise ServiceError(f"{text}:\n{child.last_lines()}")
            say(f"{text} and is given up; everything else runs on")
            child.process = None
            return
        say(f"{child.name} ended (exit code {code}) and is started again; see {child.log}")
        self._spawn(child)

    def _revive_services(self, services: Services) -> None:
        for server in (services.postgres, services.valkey):
            if server.process is not None and server.process.poll() is not None:
                say(f"{type(server).__name__} ended and is started again; see {server.log}")
                server.start(locks=(self.claim.lifeline,))

    def stop(self) -> None:
        """End every process: ours first, all at once, then the servers they used."""
        self._stopping = True
        running = [child.process for child in self.children if child.process is not None]
        stop_all(running, signal.SIGTERM, grace_s=_CHILDREN_GRACE_S)
        if self.services is not None:
            self.services.stop()


def listen(host: str, port: int) -> socket.socket:
    """The listening socket of the web process; ServiceError in plain words if it is taken.

    Opened here and inherited, so that the port is ours from the first moment to the last.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(256)
    except (OSError, OverflowError) as error:
        listener.close()
        why = os.strerror(error.errno or 0) if isinstance(error, OSError) else "ports end at 65535"
        raise ServiceError(
            f"port {port} on {host} cannot be used ({why}): "
            "choose another one, for example `make run PORT=8001`"
        ) from error
    return listener


def python(*args: str) -> list[str]:
    """A command line of this very interpreter (no script's shebang, which long paths break)."""
    return [sys.executable, *args]


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_MAX_BYTES:
        log.replace(log.with_name(log.name + ".1"))
