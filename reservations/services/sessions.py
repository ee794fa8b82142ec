"""Charging sessions from files and other systems: each row is taken or refused by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from reservations.errors import EvseUnknown, SessionBackwards, SessionMismatch, SessionOverlap
from reservations.models import ChargingSession, ChargingStation, Connector, SessionSource
from reservations.services.places import follow_sessions
from vehicles.selectors import vehicles_named
from voltop import clock, events
from voltop.api.bulk import Outcome
from voltop.api.errors import ObjectNotFound
from voltop.context import Actor
from voltop.errors import DomainError

INSERT = """
INSERT INTO reservations_chargingsession (
    provider_id, station_id, evse_id, connector_id, vehicle_id, source, external_id, starts_at,
    ends_at, energy_wh
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING RETURNING id
"""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session as a source tells it. evse_uid and connector_id are the station's own names.

    `vehicle` is what people or the source call the car: its VIN, plate, or `system:id`.
    """

    evse_uid: str
    connector_id: str
    external_id: str
    starts_at: datetime
    ends_at: datetime | None
    energy_wh: int
    vehicle: str = ""


@dataclass(frozen=True, slots=True)
class SessionResult:
    """What became of a row: an id and what was done with it; or the error that refused it."""

    id: int | None
    outcome: Outcome = "duplicate"
    error: DomainError | None = None
    ended: bool = False

    @property
    def created(self) -> bool:
        return self.outcome == "created"


@transaction.atomic
def import_sessions(
    station: ChargingStation, rows: Sequence[SessionRow], *, actor: Actor
) -> list[SessionResult]:
    """Take sessions in their order; a repeated one changes nothing, an overlapping one is refused.

    A session that runs may be sent again: further on, or with its end. Where one begins or ends,
    the charger's status follows. Errors stand in the results, one per row: EvseUnknown,
    ObjectNotFound (the vehicle), SessionBackwards, SessionOverlap, SessionMismatch.
    """
    actor.require_same_provider(station)
    plugs = {
        (plug.evse.uid, plug.connector_id): plug
        for plug in Connector.objects.filter(evse__station=station).select_related("evse")
    }
    cars = vehicles_named(station.provider_id, {row.vehicle for row in rows if row.vehicle})
    at, results, touched = clock.now(), [], set()
    for row in rows:
        plug = plugs.get((row.evse_uid, row.connector_id))
        result = _take(station, row, plug, cars)
        results.append(result)
        begun = result.created and row.ends_at is None
        if plug is not None and (begun or result.outcome == "updated"):
            touched.add(plug.evse_id)
    follow_sessions(touched, actor=actor, at=at)
    ended = ChargingSession.objects.filter(pk__in=[r.id for r in results if r.ended])
    events.publish_all(
        (
            events.Happening(
                "charging_session.ended",
                session.pk,
                session.row_version,
                ("ends_at",),
                related=_related(session),
            )
            for session in ended.order_by("pk")
        ),
        provider_id=station.provider_id,
        actor=actor,
        at=at,
    )
    return results


def _related(session: ChargingSession) -> dict[str, int]:
    car = {"vehicle": session.vehicle_id} if session.vehicle_id is not None else {}
    return {"station": session.station_id, **car}


def _take(
    station: ChargingStation, row: SessionRow, plug: Connector | None, cars: dict[str, int]
) -> SessionResult:
    if plug is None:
        return SessionResult(None, error=EvseUnknown(field="evse_uid"))
    if row.vehicle and row.vehicle not in cars:
        return SessionResult(None, error=ObjectNotFound(field="vehicle"))
    if row.ends_at is not None and row.ends_at < row.starts_at:
        return SessionResult(None, error=SessionBackwards(field="ends_at"))
    vehicle_id = cars.get(row.vehicle)
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT,
            [
                station.provider_id,
                station.pk,
                plug.evse_id,
                plug.pk,
                vehicle_id,
                SessionSource.IMPORT.value,
                row.external_id,
                row.starts_at,
                row.ends_at,
                row.energy_wh,
            ],
        )
        made = cursor.fetchone()
    if made is not None:
        return SessionResult(int(made[0]), "created", ended=row.ends_at is not None)
    return _known_or_refused(station, row, plug, vehicle_id)


def _known_or_refused(
    station: ChargingStation, row: SessionRow, plug: Connector, vehicle_id: int | None
) -> SessionResult:
    """The database took nothing: the same session again, or another car at the same charger."""
    known = ChargingSession.objects.select_for_update(no_key=True).filter(
        provider_id=station.provider_id, evse_id=plug.evse_id, external_id=row.external_id
    )
    if same := known.first():
        return _taken_again(same, row, vehicle_id)
    others = ChargingSession.objects.filter(evse_id=plug.evse_id)
    if row.ends_at is not None:
        others = others.filter(starts_at__lt=row.ends_at)
    other = others.exclude(ends_at__lte=row.starts_at).order_by("starts_at").first()
    return SessionResult(None, error=SessionOverlap(session=other.pk if other else None))


def _taken_again(same: ChargingSession, row: SessionRow, vehicle_id: int | None) -> SessionResult:
    """A known session: as it was, further on while it ran, or now with the car that it lacked."""
    ran = same.ends_at is None
    counted = row.energy_wh >= same.energy_wh if ran else row.energy_wh == same.energy_wh
    fits = same.starts_at == row.starts_at and counted and (ran or same.ends_at == row.ends_at)
    if not fits or (vehicle_id and same.vehicle_id not in (None, vehicle_id)):
        return SessionResult(None, error=SessionMismatch(session=same.pk))
    told = {
        "ends_at": row.ends_at,
        "energy_wh": row.energy_wh,
        "vehicle_id": vehicle_id or same.vehicle_id,
    }
    if all(getattr(same, name) == value for name, value in told.items()):
        return SessionResult(same.pk)
    ChargingSession.objects.filter(pk=same.pk).update(**told)
    return SessionResult(same.pk, "updated", ended=ran and row.ends_at is not None)
