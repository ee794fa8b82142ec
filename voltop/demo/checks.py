"""The last look at a run, past the API: what the database itself holds. It only reads.

The one module of the demo that may open a connection. Each check of overlaps says how many rows of
one key begin before an earlier row of that key has ended.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from voltop.embedded import paths

NEVER_OVERLAP: Mapping[str, tuple[str, str, str]] = {
    "assignments of a vehicle": (
        "vehicles_assignment",
        "vehicle_id, kind",
        "cancelled_at IS NULL",
    ),
    "shift assignments of a driver": (
        "vehicles_assignment",
        "driver_id",
        "cancelled_at IS NULL AND kind = 'shift'",
    ),
    "tenures of a vehicle": ("vehicles_vehicletenure", "vehicle_id", "true"),
    "shifts of a driver": ("shifts_shift", "driver_id", "starts_at IS NOT NULL"),
    "stints of a shift": ("shifts_shiftstint", "shift_id", "true"),
    "sessions of a charger": ("reservations_chargingsession", "evse_id", "ends_at > starts_at"),
    "reservations of a charger": (
        "reservations_reservation",
        "evse_id",
        "status IN ('pending', 'reserved')",
    ),
    "reservations of a vehicle": (
        "reservations_reservation",
        "vehicle_id",
        "status IN ('pending', 'reserved')",
    ),
}
OVERLAPS = """
SELECT count(*) FROM (
    SELECT starts_at, max(coalesce(ends_at, 'infinity')) OVER (
        PARTITION BY {key} ORDER BY starts_at, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS busy_until FROM {table} WHERE {only}
) t WHERE starts_at < busy_until
"""


def look(home: Path) -> dict[str, Any]:
    """Samples stored, ledger entries and their sum, unbalanced entries, overlaps by kind."""
    layout = paths.layout(home)
    with psycopg.connect(
        host=str(layout.run_dir), dbname=paths.DATABASE, user=paths.ROLE
    ) as connection:
        connection.read_only = True

        def number(statement: str) -> Any:
            row = connection.execute(sql.SQL(statement)).fetchone()
            return row[0] if row else None

        return {
            "stored": number("SELECT count(*) FROM telemetry_sample"),
            "entries": number("SELECT count(*) FROM payments_entry"),
            "sum": Decimal(number("SELECT coalesce(sum(amount), 0) FROM payments_posting")),
            "unbalanced": number(
                "SELECT count(*) FROM (SELECT 1 FROM payments_posting"
                " GROUP BY entry_id HAVING sum(amount) <> 0 OR count(*) < 2) t"
            ),
            "overlaps": {
                name: number(OVERLAPS.format(table=table, key=key, only=only))
                for name, (table, key, only) in NEVER_OVERLAP.items()
            },
        }
