"""`manage.py erase_again`: after a restore, erase again who was erased since that backup.

`migrate` does the same at its end. One line of JSON: how many, by kind.
"""

import json
from typing import Any

from django.core.management.base import BaseCommand

from voltop import erasures


class Command(BaseCommand):
    help = "After a restore: erase again what was erased since the backup was made."

    def handle(self, *args: Any, **options: Any) -> str:
        return json.dumps(dict(erasures.apply_again()), sort_keys=True)
