"""`python -m benchmarks [ROW …]`: run rows, write the report, say on the last line how it went."""

import argparse
import importlib
import os
import pkgutil
import sys

from benchmarks import report, rows
from benchmarks.cluster import Cluster

NAMES = sorted(module.name for module in pkgutil.iter_modules(rows.__path__))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[*NAMES, []], help="default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of load, a program and round")
    parser.add_argument("--dry", action="store_true", help="write no files")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "voltop.settings.base"
    sections = []
    for name in options.rows or NAMES:
        cluster = Cluster()
        try:
            cluster.start()
            row = importlib.import_module(f"benchmarks.rows.{name}")
            sections.append(row.run(cluster, rounds=options.rounds, seconds=options.seconds))
        finally:
            cluster.stop()
        print(f"\n{sections[-1].title}\n{sections[-1].text}\n", file=sys.stderr)
    if not options.dry:
        report.write(sections)
    line, well = report.last_line(sections)
    print(line)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
