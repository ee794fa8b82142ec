"""Charging sessions from files and other systems: each row is taken or refused by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from reservations.errors import EvseUnknown, SessionBackwards, SessionMismatch, SessionOverlap
from reservations.models import ChargingSession, ChargingStation, Connector, SessionSource
from voltop import clock, events
from voltop.context import Actor
from voltop.errors import DomainError

INSERT = """
INSERT INTO reservations_chargingsession (
    provider_id, station_id, evse_id, connector_id, source, external_id, starts_at, ends_at,
    energy_wh
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING RETURNING id
"""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session as a source tells it. evse_uid and connector_id are the station's own names."""

    evse_uid: str
    connector_id: str
    external_id: str
    starts_at: datetime
    ends_at: datetime | None
    energy_wh: int


@dataclass(frozen=True, slots=True)
class SessionResult:
    """What became of a row: an id, newly made or known before; or the error that refused it."""

    id: int | None
    created: bool
    error: DomainError | None = None


@transaction.atomic
def import_sessions(
    station: ChargingStation, rows: Sequence[SessionRow], *, actor: Actor
) -> list[SessionResult]:
    """Take sessions in their order; a repeated one changes nothing, an overlapping one is refused.

    Errors stand in the results, one per row: EvseUnknown, SessionBackwards, SessionOverlap,
    SessionMismatch.
    """
    actor.require_same_provider(station)
    plugs = {
        (plug.evse.uid, plug.connector_id): plug
        for plug in Connector.objects.filter(evse__station=station).select_related("evse")
    }
    results = [_take(station, row, plugs.get((row.evse_uid, row.connector_id))) for row in rows]
    ended = [
        result.id
        for row, result in zip(rows, results, strict=True)
        if result.created and result.id is not None and row.ends_at is not None
    ]
    events.publish_all(
        (
            events.Happening(
                "charging_session.ended", pk, 1, ("ends_at",), related={"station": station.pk}
            )
            for pk in ended
        ),
        provider_id=station.provider_id,
        actor=actor,
        at=clock.now(),
    )
    return results


def _take(station: ChargingStation, row: SessionRow, plug: Connector | None) -> SessionResult:
    if plug is None:
        return SessionResult(None, False, EvseUnknown(field="evse_uid"))
    if row.ends_at is not None and row.ends_at < row.starts_at:
        return SessionResult(None, False, SessionBackwards(field="ends_at"))
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT,
            [
                station.provider_id,
                station.pk,
                plug.evse_id,
                plug.pk,
                SessionSource.IMPORT.value,
                row.external_id,
                row.starts_at,
                row.ends_at,
                row.energy_wh,
            ],
        )
        made = cursor.fetchone()
    if made is not None:
        return SessionResult(int(made[0]), True)
    return _known_or_refused(station, row, plug)


def _known_or_refused(station: ChargingStation, row: SessionRow, plug: Connector) -> SessionResult:
    """The database took nothing: the same session again, or another car at the same charger."""
    same = ChargingSession.objects.filter(
        provider_id=station.provider_id, evse_id=plug.evse_id, external_id=row.external_id
    ).first()
    if same is not None:
        equal = (same.starts_at, same.ends_at, same.energy_wh) == (
            row.starts_at,
            row.ends_at,
            row.energy_wh,
        )
        error = None if equal else SessionMismatch(session=same.pk)
        return SessionResult(same.pk if equal else None, False, error)
    others = ChargingSession.objects.filter(evse_id=plug.evse_id)
    if row.ends_at is not None:
        others = others.filter(starts_at__lt=row.ends_at)
    other = others.exclude(ends_at__lte=row.starts_at).order_by("starts_at").first()
    return SessionResult(None, False, SessionOverlap(session=other.pk if other else None))
