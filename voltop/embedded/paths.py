"""Where one embedded instance keeps its things, and the addresses that follow from it.

Every process of an instance (supervisor, web, worker, a `manage.py shell`) works these out for
itself from VOLTOP_HOME, so nothing has to be handed around. Nothing here starts anything.
"""

import functools
import hashlib
import os
import pwd
import re
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parent.parent.parent
DATABASE = "voltop"
ROLE = "voltop"
# Unix socket addresses end at 107 bytes; the longest name put into the folder has 22 characters.
SOCKET_DIR_MAX_BYTES = 80
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]+")


class Account(NamedTuple):
    """The unprivileged account that runs the services when we are root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Layout:
    """The folders of one instance.

    `home` belongs to whoever starts it (secrets, logs, files). `service_home` holds what the
    service account must reach: the same folder, unless root keeps `home` where others cannot go.
    """

    home: Path
    service_home: Path
    run_dir: Path

    @property
    def relocated(self) -> bool:
        return self.service_home != self.home

    @property
    def valkey_socket(self) -> Path:
        return self.run_dir / "valkey.sock"


def home() -> Path:
    """The instance's folder: VOLTOP_HOME, else `.voltop` in the checkout. Not created here."""
    return Path(os.path.abspath(os.environ.get("VOLTOP_HOME") or CHECKOUT / ".voltop"))


def layout(at: Path | None = None) -> Layout:
    """The folders of the instance at `at` (default: `home()`); nothing is created."""
    return _layout(at or home(), service_account())


@functools.cache
def _layout(at: Path, account: Account | None) -> Layout:
    digest = hashlib.sha256(str(at).encode(errors="surrogateescape")).hexdigest()[:12]
    service_home = at
    if account is not None and not reachable(at.parent, account):
        service_home = Path("/var/lib") / f"voltop-{digest}"
    run_dir = service_home / "run"
    if len(os.fsencode(run_dir)) > SOCKET_DIR_MAX_BYTES or not _PLAIN_PATH.fullmatch(str(run_dir)):
        run_dir = Path("/tmp") / f"voltop-{os.geteuid()}-{digest}"  # noqa: S108 (0700, owner checked)
    return Layout(home=at, service_home=service_home, run_dir=run_dir)


@functools.cache
def service_account() -> Account | None:
    """Whom root drops to (PostgreSQL refuses to run as root); None for everyone else."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise RuntimeError("PostgreSQL does not run as root and there is no account `nobody` to use")


def reachable(folder: Path, account: Account) -> bool:
    """Whether `account` may pass through `folder` and everything above it (mode bits only)."""
    for part in (folder, *folder.parents):
        try:
            info = part.stat()
        except FileNotFoundError:
            continue  # `ensure_home` will make it, open to passing
        if not may_pass(info.st_mode, info.st_uid, info.st_gid, account):
            return False
    return True


def may_pass(mode: int, uid: int, gid: int, account: Account) -> bool:
    """Whether a folder with that mode and owner lets `account` through (its own group only)."""
    if uid == account.uid:
        return bool(mode & stat.S_IXUSR)
    if gid == account.gid:
        return bool(mode & stat.S_IXGRP)
    return bool(mode & stat.S_IXOTH)


def database_url() -> str:
    """The embedded database's URL, in the form django-environ understands for a socket."""
    return f"postgres://{ROLE}@/{layout().run_dir}/{DATABASE}"


def redis_url(db: int) -> str:
    """The URL of one logical database of the embedded Valkey, for redis-py and Django's cache."""
    return f"unix://{layout().valkey_socket}?db={_redis_base_db() + db}"


def celery_broker_url() -> str:
    """The embedded Valkey as kombu writes it."""
    return f"redis+socket://{layout().valkey_socket}?virtual_host={_redis_base_db()}"


def _redis_base_db() -> int:
    # Parallel test workers share one server and keep apart by the number of the logical database.
    return int(os.environ.get("VOLTOP_REDIS_BASE_DB", "0"))


def ensure_home(at: Path | None = None) -> Path:
    """Make the instance's folder: others may pass through (as root they must), not look."""
    folder = at or home()
    as_root = os.geteuid() == 0
    missing = [part for part in folder.parents if not part.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    if as_root:
        for part in missing:
            part.chmod(0o755)  # whatever the umask says
    mode = 0o711 if as_root else 0o700
    if folder.stat().st_uid == os.geteuid() and stat.S_IMODE(folder.stat().st_mode) != mode:
        folder.chmod(mode)
    return folder


def local_secret(name: str) -> str:
    """A random secret of this instance: made once, kept in a file that only its owner may read.

    64 URL-safe characters (48 random bytes). Two processes that ask at once get the same one.
    """
    folder = ensure_home() / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / name
    try:
        return target.read_text()
    except FileNotFoundError:
        pass
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix=f".{name}-", delete=False) as draft:
        draft.write(secrets.token_urlsafe(48))
        draft.flush()
        os.fsync(draft.fileno())
    try:
        os.link(draft.name, target)  # fails when another process was first; its secret counts
    except FileExistsError:
        pass
    finally:
        os.unlink(draft.name)
    return target.read_text()
