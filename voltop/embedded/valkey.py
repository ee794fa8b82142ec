"""One embedded Valkey on a unix socket: broker, cache and channel layer of demo and tests.

Nothing promised lives here; it is kept on disk all the same, so that a restart loses no ring.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from voltop.embedded.binaries import Binaries
from voltop.embedded.paths import Account
from voltop.embedded.process import FileLock, ServiceError, spawn, stop_all


class Valkey:
    """The server of one data directory. `start()` and `stop()` belong to the main thread."""

    def __init__(
        self,
        *,
        data: Path,
        socket_path: Path,
        binaries: Binaries,
        account: Account | None,
        log: Path,
        persistent: bool = True,
    ) -> None:
        self.data = data
        self.socket_path = socket_path
        self.binaries = binaries
        self.account = account
        self.log = log
        self.persistent = persistent
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, locks: tuple[FileLock, ...] = (), wait_s: float = 20) -> None:
        """Start the server and wait for its PONG; ServiceError with its log otherwise."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket_path)
        log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self.process = spawn(
                self._command(),
                death_signal=signal.SIGTERM,
                output=output,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                account=self.account,
                keep_fds=[lock.fd for lock in locks],
            )
        deadline = time.monotonic() + wait_s
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                text = self.log.read_bytes()[log_start:].decode(errors="replace").strip()
                raise ServiceError(f"Valkey did not start: {text[-2000:] or 'no answer'}")
            time.sleep(0.01)

    def stop(self, *, grace_s: float = 0.5) -> None:
        """Clean shutdown, then the hard one."""
        if self.process is not None:
            stop_all([self.process], signal.SIGTERM, grace_s=grace_s)
            self.process = None

    def _command(self) -> list[str | Path]:
        return [
            self.binaries.valkey,
            *("--port", "0"),
            *("--unixsocket", self.socket_path),
            *("--unixsocketperm", "700"),
            *("--dir", self.data),
            *("--appendonly", "yes" if self.persistent else "no"),
            *("--save", ""),
            *("--databases", "256"),
            *("--daemonize", "no"),
            *("--loglevel", "warning"),
        ]

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(2)
            try:
                client.connect(str(self.socket_path))
                client.sendall(b"PING\r\n")
                return client.recv(7) == b"+PONG\r\n"
            except OSError:
                return False
