"""A whole Voltop for one run: fresh, on a free port, with a sandbox bank; all of it ends with us.

The instance is `manage.py up` in a temporary folder, the bank a process of its own; commands are
run as a person at the terminal would. Nothing here knows what is demonstrated.
"""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from voltop.embedded import paths
from voltop.embedded.process import spawn, stop_all

READY_WAIT_S = 240
BANK_TIMEOUT_S = 1
BANK_HANG_MS = 2_500
MAIL = "mail"
INVITATION = re.compile(r"([A-Z2-7]{4}-){3}[A-Z2-7]{4}")
NOT_OURS = ("DATABASE_URL", "REDIS_URL", "VOLTOP_DEMO", "VOLTOP_PUBLIC_URL", "VOLTOP_HTTPS")


class StageError(RuntimeError):
    """The stage could not be set up, or a command on it failed; the text says which."""


@dataclass(frozen=True)
class Bank:
    """The running sandbox bank, as its clerk sees it."""

    url: str
    token: str

    def set_faults(self, permille: Mapping[str, int], *, first: list[str], seed: int) -> None:
        """From now on these faults strike: the `first` ones for certain, the others by chance."""
        body = {
            "next": first,
            "hang_ms": BANK_HANG_MS,
            "seed": seed,
            "permille": dict(permille),
        }
        self._call("PUT", "/faults", json=body)

    def counters(self) -> dict[str, Any]:
        """What the bank did: paid_total by currency, doubles, faults by kind."""
        found: dict[str, Any] = self._call("GET", "/counters")
        return found

    def book(self) -> Iterator[dict[str, Any]]:
        """Every movement of the bank's own book, in order."""
        after: int | None = 0
        while after is not None:
            page = self._call("GET", f"/book?after={after}")
            yield from page["movements"]
            after = page["next"]

    def _call(self, method: str, path: str, **request: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx.request(method, self.url + path, headers=headers, timeout=30, **request)
        answer.raise_for_status()
        return answer.json()


@dataclass(frozen=True)
class Stage:
    """One running Voltop: where it answers, where it lives, and its bank."""

    url: str
    home: Path
    bank: Bank
    pids: tuple[int, ...]

    def manage(self, *args: str, **environment: str) -> str:
        """Run a management command of the instance to its end; its output."""
        done = subprocess.run(  # noqa: S603 (our own command)
            [sys.executable, "manage.py", *args],
            cwd=paths.CHECKOUT,
            env=_environment(self.home) | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StageError(f"manage.py {args[0]}: {done.stderr.strip()[-2000:]}")
        return done.stdout.strip()

    def invitation_of(self, email: str) -> str:
        """The code in the newest invitation that was sent to this address; empty if none was."""
        found = ""
        for path in sorted((self.home / MAIL).glob("*.log")):
            text = path.read_text()
            code = INVITATION.search(text)
            if code and f"To: {email}\n" in text:
                found = code.group()
        return found


@contextmanager
def set_up() -> Iterator[Stage]:
    """Start everything in a new folder; end every process and remove the folder afterwards."""
    with ExitStack() as last:
        last.enter_context(_interrupted_by(signal.SIGTERM, signal.SIGHUP))
        home = Path(tempfile.mkdtemp(prefix="voltop-demo-"))
        last.callback(shutil.rmtree, home, ignore_errors=True)
        bank, bank_pid = _start_bank(home, last)
        url = f"http://127.0.0.1:{_free_port()}"
        up_pid = _start_voltop(home, url, bank, last)
        yield Stage(url, home, bank, (up_pid, bank_pid))


def peaks_mb(stage: Stage) -> dict[str, int]:
    """The most memory that each of the stage's processes ever held (MB), by name and pid."""
    found = {}
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(after_name[1]), []).append(int(folder.name))
    waiting = [*stage.pids, os.getpid()]
    seen: set[int] = set()
    while waiting:
        pid = waiting.pop()
        if pid in seen:
            continue
        seen.add(pid)
        waiting += children.get(pid, [])
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").split()
        except OSError:
            continue
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        if "VmHWM" in fields and words:
            name = words[2] if len(words) > 2 and words[1] == b"-m" else words[0]
            key = f"{Path(name.decode(errors='replace')).name} {pid}"
            found[key] = int(fields["VmHWM"].split()[0]) // 1024
    return found


def _environment(home: Path) -> dict[str, str]:
    """Ours, without what would lead to another instance or make this one a demo."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    return kept | {"VOLTOP_HOME": str(home)}


def _start_bank(home: Path, last: ExitStack) -> tuple[Bank, int]:
    token = secrets.token_urlsafe(24)
    book = home / "bank.sqlite3"
    process = spawn(
        [sys.executable, "-m", "payments.sandbox_bank", "--book", str(book)],
        death_signal=signal.SIGKILL,
        output=subprocess.PIPE,
        env=_environment(home) | {"SANDBOX_BANK_TOKEN": token},
        cwd=paths.CHECKOUT,
    )
    last.callback(stop_all, [process], signal.SIGTERM, grace_s=3)
    line = process.stdout.readline() if process.stdout else b""
    try:
        return Bank(json.loads(line)["bank"], token), process.pid
    except (ValueError, KeyError):
        raise StageError(f"the sandbox bank did not start: {line.decode().strip()}") from None


def _start_voltop(home: Path, url: str, bank: Bank, last: ExitStack) -> int:
    paths.ensure_home(home)
    log = home / "up.log"
    environment = _environment(home) | {
        "VOLTOP_END_WITH_PARENT": "1",
        "VOLTOP_EMAIL_URL": f"filemail:///{home / MAIL}",
        "VOLTOP_OUTBOUND_ALLOWED": bank.url.removeprefix("http://"),
        "VOLTOP_BANK_TIMEOUT_S": str(BANK_TIMEOUT_S),
    }
    with log.open("wb") as output:
        process = spawn(
            [sys.executable, "manage.py", "up", "--port", url.rpartition(":")[2]],
            death_signal=signal.SIGTERM,
            output=output,
            env=environment,
            cwd=paths.CHECKOUT,
        )
    last.callback(stop_all, [process], signal.SIGTERM, grace_s=15)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + READY_WAIT_S
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.2)
        if b"Voltop is ready" not in log.read_bytes():
            continue
        try:
            opener.open(f"{url}/readyz", timeout=5).close()
            return process.pid
        except (urllib.error.URLError, OSError):
            continue
    raise StageError(f"Voltop did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _interrupted_by(*numbers: signal.Signals) -> Iterator[None]:
    """Have these signals end us as Ctrl-C does, so that everything started is ended as well."""

    def interrupt(*_args: object) -> None:
        raise KeyboardInterrupt

    # SIGINT too: a shell starts background jobs with it ignored.
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, *numbers)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
