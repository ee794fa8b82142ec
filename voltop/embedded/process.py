"""Child processes that never outlive their parent, and the lock that proves it.

Each child asks the kernel for a signal at its parent's death (Linux: PR_SET_PDEATHSIG), so that
even `kill -9` of the supervisor leaves nothing behind. The signal is tied to the *thread* that
made the child: spawn from the main thread only.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from voltop.embedded.paths import Account

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class ServiceError(RuntimeError):
    """An embedded service or process cannot run; the text is for the person at the terminal."""


class Busy(ServiceError):
    """Somebody else holds the lock."""


def die_with_parent(number: signal.Signals, parent: int | None = None) -> None:
    """Have the kernel send `number` to this process when its parent (thread) ends.

    `parent` is the expected parent's pid: when it is gone already, this process ends at once.
    """
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def _child_setup(number: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()
    return lambda: die_with_parent(number, parent)


def spawn(
    args: Sequence[str | Path],
    *,
    death_signal: signal.Signals,
    output: IO[bytes] | int,
    env: Mapping[str, str],
    account: Account | None = None,
    cwd: str | Path = "/",
    keep_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own (the terminal's Ctrl-C is ours alone to handle)."""
    return subprocess.Popen(
        [str(part) for part in args],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
        preexec_fn=_child_setup(death_signal),
        pass_fds=keep_fds,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def run_tool(args: Sequence[str | Path], *, account: Account | None, env: Mapping[str, str]) -> str:
    """Run a short command to its end; its output, or ServiceError with that output."""
    child = spawn(
        args, death_signal=signal.SIGKILL, output=subprocess.PIPE, env=env, account=account
    )
    output = child.communicate()[0].decode(errors="replace").strip()
    if child.returncode:
        raise ServiceError(f"{Path(args[0]).name} failed ({child.returncode}): {output}")
    return output


def stop_all(
    children: Sequence[subprocess.Popen[bytes]], number: signal.Signals, *, grace_s: float
) -> None:
    """Ask all children at once to end; after `grace_s` seconds kill what is left of their sessions.

    The session outlives its first process: what that process left behind is killed as well.
    """
    for child in children:
        ask(child, number)
    deadline = time.monotonic() + grace_s
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, deadline - time.monotonic()))
    for child in children:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def ask(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a child that may have ended."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)


class FileLock:
    """An exclusive flock on a file; the kernel drops it with the last process that holds it.

    Handed on to children (`keep_fds=[lock.fd]`) it stays taken until the last of them, however
    deep, has ended: taking it proves that nothing of an earlier run lives.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire(self, *, wait_s: float = 0) -> None:
        """Take the lock within `wait_s` seconds or raise Busy."""
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Busy(f"{self.path} is in use") from None
                time.sleep(0.05)

    def note(self, text: str) -> None:
        """Write into the lock file what others may want to know of the holder."""
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, text.encode(), 0)

    def read_note(self) -> str:
        return os.pread(self.fd, 1000, 0).decode(errors="replace")

    def close(self) -> None:
        os.close(self.fd)

    def holders(self) -> list[int]:
        """The other processes that have the file open (Linux; only those we may look into)."""
        target = os.fstat(self.fd)
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                for link in (entry / "fd").iterdir():
                    info = link.stat()
                    if (info.st_dev, info.st_ino) == (target.st_dev, target.st_ino):
                        found.append(int(entry.name))
                        break
        return [pid for pid in found if pid != os.getpid()]


@contextlib.contextmanager
def locked(path: Path, *, wait_s: float) -> Iterator[None]:
    """Hold the lock at `path` for the length of the block."""
    lock = FileLock(path)
    try:
        lock.acquire(wait_s=wait_s)
        yield
    finally:
        lock.close()
