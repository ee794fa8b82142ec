"""`python -m voltop.embedded.clean`: removes what an instance keeps, wherever it keeps it.

Removes only the folders that Voltop itself makes; refuses while the instance runs.
"""

import os
import shutil
import sys

from voltop.embedded import paths
from voltop.embedded.process import ServiceError
from voltop.embedded.services import Claim

OWN_FOLDERS = (
    *("postgres", "valkey", "run", "log", "secrets", "test"),
    *("binaries", "static", "media", "files"),
)
OWN_FILES = ("up.lock", "alive.lock", "beat-schedule*", "bank.sqlite3*", "city-*")
"""As patterns: what is left makes the next start believe that its four weeks are written."""


def main() -> None:
    """Remove the instance named by VOLTOP_HOME (default: the checkout's)."""
    home = paths.home()
    if not home.exists():
        return
    try:
        claim = Claim(home)
    except ServiceError as error:
        sys.exit(f"not cleaned: {error}")
    try:
        found = paths.layout(home)
        for base in {found.service_home, found.home}:
            for name in OWN_FOLDERS:
                shutil.rmtree(base / name, ignore_errors=True)
        shutil.rmtree(found.run_dir, ignore_errors=True)
        for pattern in OWN_FILES:
            for file in home.glob(pattern):
                file.unlink(missing_ok=True)
        for folder in {found.service_home, found.home}:
            if not any(folder.iterdir()):
                os.rmdir(folder)
    finally:
        claim.close()


if __name__ == "__main__":
    main()
