"""The product's side of the run: migrated, with a company, its cars, and a source's token."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import psycopg

from benchmarks.cluster import Cluster, migrate

VEHICLES = 500
_HELD_FROM = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """`start` is yesterday's midnight (UTC): the day's partition is there. Two sources: one that
    repeats itself is served differently for a while, which the other's figures must not see.
    """

    token: str
    repeating_token: str
    vehicles: list[int]
    start: datetime


def build(vehicles: int = VEHICLES) -> World:
    """Migrate the cluster's database and fill it by services; leaves no connection open."""
    migrate()
    from django.db import connections

    try:
        return _fill(vehicles)
    finally:
        connections.close_all()


def _fill(vehicles: int) -> World:
    from django.db import transaction

    from fleets import services as fleet_services
    from telemetry import partitions
    from telemetry import services as telemetry_services
    from vehicles import services as vehicle_services
    from vehicles.models import VehicleModel
    from voltop.context import Actor

    system = Actor.system("bench")
    with transaction.atomic():
        provider = fleet_services.create_provider(
            actor=system,
            name="Bench",
            country="MX",
            currency="MXN",
            time_zone="America/Mexico_City",
        )
        provider = fleet_services.activate_provider(provider, actor=system)
        actor = Actor.system("bench", provider.pk)
        vehicle_services.save_models(
            [
                {
                    "make": "Volta",
                    "model": "Uno",
                    "year": 2024,
                    "usable_battery_kwh": 50,
                    "ac_max_kw": 11,
                }
            ]
        )
        model = VehicleModel.objects.get(make="Volta")
        ids = [
            vehicle_services.register_vehicle(
                provider,
                actor=actor,
                vin=f"SAJWA0A00000{number:05d}",
                model=model,
                label=f"car {number}",
                tenure_starts_at=_HELD_FROM,
            ).pk
            for number in range(vehicles)
        ]
        token, repeating_token = (
            telemetry_services.create_source(provider, actor=actor, name=name)[1]
            for name in ("trackers", "repeating trackers")
        )
    start = datetime.combine(datetime.now(UTC).date() - timedelta(days=1), time(), UTC)
    partitions.ensure([start.date()])
    return World(token, repeating_token, ids, start)


def empty(cluster: Cluster, database: str) -> None:
    """Forget every sample, and have PostgreSQL write down what it still holds in memory."""
    with cluster.superuser(database) as connection:
        connection.execute("TRUNCATE telemetry_sample, telemetry_samplecontribution")
        connection.execute("TRUNCATE telemetry_ingestbatch")
        nothing = ", ".join(f"{name} = NULL" for name in _state_columns(connection))
        connection.execute(f"UPDATE vehicles_vehiclestate SET {nothing}")
        connection.execute("VACUUM vehicles_vehiclestate")
        connection.execute("CHECKPOINT")


def _state_columns(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'vehicles_vehiclestate'::regclass"
        " AND attnum > 0 AND NOT attnotnull AND NOT attisdropped"
    )
    return [str(name) for (name,) in rows]


def wrong(cluster: Cluster, database: str, accepted: int) -> str:
    """Why what is stored is not what was acknowledged; nothing if it is."""
    with cluster.superuser(database) as connection:
        stored = connection.execute("SELECT count(*) FROM telemetry_sample").fetchone()
        stale = connection.execute(
            "SELECT count(*) FROM (SELECT vehicle_id, max(recorded_at) AS at FROM telemetry_sample"
            " GROUP BY vehicle_id) t JOIN vehicles_vehiclestate s USING (vehicle_id)"
            " WHERE s.last_seen_at IS DISTINCT FROM t.at"
        ).fetchone()
    assert stored is not None
    assert stale is not None
    found = []
    if stored[0] != accepted:
        found.append(f"{accepted} acknowledged, {stored[0]} stored")
    if stale[0]:
        found.append(f"{stale[0]} states are not the newest sample")
    return "; ".join(found)
