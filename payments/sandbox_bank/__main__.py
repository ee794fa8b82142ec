"""`python -m payments.sandbox_bank --book FILE [--port N] [--fault drop=50 …] [--seed N]`.

Prints one line with its address when it listens; ends on SIGTERM or SIGINT.
"""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from payments.sandbox_bank.book import Book
from payments.sandbox_bank.faults import Faults
from payments.sandbox_bank.server import Bank


def main() -> int:
    parser = argparse.ArgumentParser(prog="sandbox_bank", description="A little bank for trials.")
    parser.add_argument("--book", type=Path, required=True, help="the bank's SQLite file")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--fault", action="append", default=[], help="KIND=PERMILLE, e.g. drop=50")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hang-ms", type=int, default=30_000)
    options = parser.parse_args()
    permille = {kind: int(rate) for kind, _, rate in (f.partition("=") for f in options.fault)}
    faults = Faults(permille=permille, seed=options.seed, hang_ms=options.hang_ms)
    # The token comes by the environment: a command line is there for everybody to read.
    token = os.environ.get("SANDBOX_BANK_TOKEN", "")
    bank = Bank(("127.0.0.1", options.port), Book(options.book), faults, token)

    def end(*_args: object) -> None:
        threading.Thread(target=bank.stop).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    sys.stdout.write(json.dumps({"bank": bank.url, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    bank.serve_forever(poll_interval=1 / 10)
    return 0


if __name__ == "__main__":
    sys.exit(main())
