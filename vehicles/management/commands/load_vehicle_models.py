"""manage.py load_vehicle_models [FILE]: create or correct the catalogue from a CSV file.

Without FILE it is `vehicles/catalogue.csv`: some fifty types that fleets drive, taken from
open-ev-data (github.com/open-ev-data, CDLA-Permissive-2.0, cdla.dev/permissive-2-0), the newest
year of each; consumption is net capacity over rated range. Running it again changes nothing.
"""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from vehicles.models import VehicleModel
from vehicles.services import save_models

SHIPPED = Path(__file__).resolve().parents[2] / "catalogue.csv"


class Command(BaseCommand):
    help = "Create or correct the catalogue of vehicle models from a CSV file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", default=str(SHIPPED))

    def handle(self, *args: Any, **options: Any) -> None:
        rows = read_catalogue(Path(options["file"]))
        self.stdout.write(f"{save_models(rows)} vehicle models")


def read_catalogue(path: Path) -> list[dict[str, Any]]:
    """Rows of the file as values of `VehicleModel`; inlets stand apart by spaces.

    Raises CommandError naming the line of the first row that is no vehicle model.
    """
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for line, raw in enumerate(csv.DictReader(file), start=2):
            values: dict[str, Any] = {name: text or None for name, text in raw.items() if name}
            values["inlets"] = (raw.get("inlets") or "").split()
            try:
                model = VehicleModel(**values)
                model.clean_fields()
            except (TypeError, ValidationError) as error:
                raise CommandError(f"{path}:{line}: {error}") from error
            rows.append({name: getattr(model, name) for name in values})
    return rows
