"""The pair of embedded servers of one instance, with its folders and its locks."""

import os
import signal
import stat
from collections.abc import Mapping
from pathlib import Path

from voltop.embedded import binaries, paths
from voltop.embedded.paths import Account, Layout
from voltop.embedded.postgres import MAJOR, Postgres
from voltop.embedded.process import Busy, FileLock, ServiceError, ask
from voltop.embedded.valkey import Valkey

_LEFTOVER_WAIT_S = 10
_STOP_GRACE_S = 1.2


class Claim:
    """The right to run the instance at `home`, for this process alone.

    Busy when another process has it, ServiceError when processes of an earlier run do not end.
    Two locks: `lock` is ours alone and says that the instance is in use; `lifeline` is handed on
    to every child and stays taken until the last of them has ended.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        try:
            paths.ensure_home(home)
            self.lock = FileLock(home / "up.lock")
            self.lifeline = FileLock(home / "alive.lock")
        except PermissionError as error:
            raise ServiceError(
                f"{error.filename} belongs to another user: run as that user, or set VOLTOP_HOME "
                "to a folder of your own"
            ) from error
        try:
            self._acquire()
        except BaseException:
            self.close()
            raise

    def _acquire(self) -> None:
        try:
            self.lock.acquire()
        except Busy:
            raise Busy(f"Voltop runs already in {self.home} ({self.lock.read_note()})") from None
        try:
            self.lifeline.acquire(wait_s=_LEFTOVER_WAIT_S)
        except Busy:
            pids = ", ".join(str(pid) for pid in self.lifeline.holders()) or "unknown"
            raise ServiceError(
                f"processes of an earlier run still hold {self.home} (pids: {pids}): end them first"
            ) from None

    def close(self) -> None:
        """Give the instance back."""
        self.lock.close()
        self.lifeline.close()


class Services:
    """PostgreSQL and Valkey of a claimed instance; to be started from the main thread."""

    def __init__(
        self,
        claim: Claim,
        *,
        postgres_settings: Mapping[str, str] | None = None,
        persistent: bool = True,
    ) -> None:
        self.claim = claim
        self.layout = paths.layout(claim.home)
        self.account = paths.service_account()
        _make_folders(self.layout, self.account)
        self.binaries = binaries.find(self.layout, self.account)
        self._build(postgres_settings, persistent)

    def _build(self, postgres_settings: Mapping[str, str] | None, persistent: bool) -> None:
        logs = self.layout.home / "log"
        self.postgres = Postgres(
            data=self.layout.service_home / "postgres" / MAJOR,
            run_dir=self.layout.run_dir,
            binaries=self.binaries,
            account=self.account,
            log=logs / "postgres.log",
            settings=postgres_settings,
        )
        self.valkey = Valkey(
            data=self.layout.service_home / "valkey",
            socket_path=self.layout.valkey_socket,
            binaries=self.binaries,
            account=self.account,
            log=logs / "valkey.log",
            persistent=persistent,
        )

    def start(self) -> None:
        """Start both servers; the data directory has been made."""
        self.postgres.start(locks=(self.claim.lifeline,))
        self.valkey.start(locks=(self.claim.lifeline,))

    def stop(self) -> None:
        """Stop both; whoever used them has ended before."""
        if self.postgres.process is not None:
            ask(self.postgres.process, signal.SIGINT)  # its checkpoint runs while Valkey ends
        self.valkey.stop()
        self.postgres.stop(grace_s=_STOP_GRACE_S)


def _make_folders(layout: Layout, account: Account | None) -> None:
    paths.ensure_home(layout.home)
    _make_folder(layout.home / "log", None)
    if layout.relocated:
        layout.service_home.mkdir(mode=0o755, exist_ok=True)
        _check_owner(layout.service_home, None)
    for folder in (layout.service_home / "postgres", layout.service_home / "valkey"):
        _make_folder(folder, account)
    _make_folder(layout.run_dir, account)


def _make_folder(folder: Path, account: Account | None) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    else:
        if account is not None:
            os.chown(folder, account.uid, account.gid)
    _check_owner(folder, account)
    folder.chmod(0o700)


def _check_owner(folder: Path, account: Account | None) -> None:
    """Refuse a folder that somebody else put there (the short ones stand in /tmp)."""
    info = folder.lstat()
    expected = account.uid if account else os.geteuid()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != expected:
        raise ServiceError(f"{folder} belongs to somebody else: remove it or set VOLTOP_HOME")
