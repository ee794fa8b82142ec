"""Lets initdb run under a user id that has no name (no passwd entry), as containers do.

initdb insists on a name for its user although it needs none. In a user namespace of its own the
same id appears as one that has a name; files keep the real owner. Linux only, and only where the
kernel allows it; otherwise the error says what to do.
"""

import ctypes
import os
import pwd
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from voltop.embedded.paths import Account
from voltop.embedded.process import ServiceError

_CLONE_NEWUSER = 0x10000000


class Runner(Protocol):
    def __call__(
        self, args: Sequence[str | Path], *, account: Account | None, env: Mapping[str, str]
    ) -> str: ...


def run_with_named_user(
    args: Sequence[str | Path], *, run: Runner, account: Account | None, env: Mapping[str, str]
) -> str:
    """`run(args)`, inside a namespace where our user id has a name if it has none outside."""
    uid = account.uid if account else os.geteuid()
    if _has_name(uid):
        return run(args, account=account, env=env)
    try:
        done = subprocess.run(
            [str(part) for part in args],
            env=dict(env),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=_appear_as(_any_named_uid()),
        )
    except (subprocess.SubprocessError, LookupError) as error:
        raise ServiceError(
            f"the user id {uid} has no entry in /etc/passwd, which PostgreSQL's initdb needs, and "
            "this kernel does not let us lend it one: add an entry, or set DATABASE_URL and "
            "REDIS_URL to use servers of your own"
        ) from error
    if done.returncode:
        text = done.stdout.decode(errors="replace").strip()
        raise ServiceError(f"{Path(args[0]).name} failed ({done.returncode}): {text}")
    return done.stdout.decode(errors="replace")


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _any_named_uid() -> int:
    for entry in pwd.getpwall():
        if entry.pw_uid != 0:  # initdb refuses to be root, even a pretended one
            return entry.pw_uid
    raise LookupError("no account but root has a name")


def _appear_as(shown: int) -> Callable[[], None]:
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def enter() -> None:
        if libc is None or libc.unshare(_CLONE_NEWUSER) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{shown} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")

    return enter
