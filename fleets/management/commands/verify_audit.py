"""Verify the chains of audit entries: `manage.py verify_audit [--heads FILE]`.

Prints one line of JSON: links, unsealed, findings, heads. Keep the line elsewhere and give it back
as `--heads` next time: then an end that was cut off is found too. Exit code 1 when anything is
found.
"""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fleets.services import sealing


class Command(BaseCommand):
    help = "Verify the chains of audit entries."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--heads", type=Path, help="the output of an earlier run")

    def handle(self, *args: Any, **options: Any) -> None:
        report = sealing.verify(read_heads(options["heads"]) if options["heads"] else None)
        for finding in report.findings:
            self.stderr.write(str(finding))
        line = {
            "links": report.links,
            "unsealed": report.unsealed,
            "findings": len(report.findings),
            "heads": report.heads,
        }
        self.stdout.write(json.dumps(line))
        if report.findings:
            sys.exit(1)


def read_heads(path: Path) -> sealing.Heads:
    """The heads of an earlier run's output. Raises CommandError for anything else."""
    try:
        heads = json.loads(path.read_text())["heads"]
        return {str(chain): (int(n), str(head)) for chain, (n, head) in heads.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(f"{path}: not the output of verify_audit ({error})") from None
