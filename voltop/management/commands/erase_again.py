"""`manage.py erase_again`: after a restore, erase again who was erased since that backup.

`migrate` does the same at its end. One line of JSON: how many, by kind. Where the store of files is
not the one that the database has seen, both refuse; `--new-store` takes it all the same.
"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from voltop import erasures


class Command(BaseCommand):
    help = "After a restore: erase again what was erased since the backup was made."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--new-store",
            action="store_true",
            help="the store of files has been lost for good, and with it who was erased",
        )

    def handle(self, *args: Any, **options: Any) -> str:
        if options["new_store"]:
            erasures.mark_store()
        try:
            return json.dumps(dict(erasures.apply_again()), sort_keys=True)
        except erasures.StoreMissing as error:
            raise CommandError(str(error)) from error
