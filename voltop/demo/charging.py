"""Step 4: a public station's real sessions imported, and one of its weeks booked twice."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from voltop.demo.client import ApiError
from voltop.demo.run import Run, chunks, together

FILE = Path("charging-sessions-basel") / "sessions.csv"
ZONE = ZoneInfo("Europe/Zurich")
WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)
LEAST_SESSIONS = 10
TAKEN = ("connector_taken", "vehicle_taken")


@dataclass(frozen=True)
class Session:
    """One row of the file: when, how much, at which of the two plugs."""

    starts_at: datetime
    ends_at: datetime
    energy_wh: int
    plug: str


def read_sessions(path: Path) -> Iterator[Session]:
    with path.open(newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            yield Session(
                datetime.fromisoformat(row["starttime"]),
                datetime.fromisoformat(row["stoptime"]),
                int(row["watthour"]),
                row["connectorid"],
            )


def generate(path: Path) -> None:
    """Write three weeks of made-up sessions in the same form."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first = datetime(2021, 8, 20, 6, tzinfo=UTC)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["starttime", "stoptime", "watthour", "connectorid"])
        for number in range(60):
            begun = first + timedelta(hours=8 * number, seconds=37 * number % 60)
            over = begun + timedelta(minutes=number % 7 * 20, seconds=11)
            wh = int((over - begun).total_seconds() * 11_000 / 3600)
            writer.writerow([begun.isoformat(), over.isoformat(), wh, 1 + number % 2])


def import_sessions(run: Run, sessions: list[Session]) -> None:
    """A station with two chargers of one plug each; every session of the file is offered to it."""
    station = run.owner.post(
        "stations",
        {
            "name": "Basel, two plugs",
            "country": "CH",
            "latitude": "47.541770",
            "longitude": "7.588087",
            "time_zone": ZONE.key,
            "reservation_grid_min": 1,
            "reservation_max_min": 0,
        },
    )
    run.facts["station"] = station["id"]
    run.facts["plugs"] = {plug: _make_plug(run, station["id"], plug) for plug in ("1", "2")}
    counts: Counter[str] = Counter()
    accepted_wh = 0
    for first, chunk in enumerate(chunks(sessions, 500)):
        rows = [
            {
                "evse_uid": f"CH*DEMO*E{session.plug}",
                "connector_id": "1",
                "external_id": f"row {first * 500 + n + 1}",
                "starts_at": session.starts_at.isoformat(),
                "ends_at": session.ends_at.isoformat(),
                "energy_wh": session.energy_wh,
            }
            for n, session in enumerate(chunk)
        ]
        answer = run.owner.post("charging-sessions/bulk", {"station": station["id"], "rows": rows})
        for row in answer["results"]:
            counts[row["outcome"]] += 1
            if row["outcome"] == "created":
                accepted_wh += chunk[row["index"]].energy_wh
    run.report["sessions"] = {
        "read": len(sessions),
        "accepted": counts["created"],
        "refused": counts["refused"],
        "wh": accepted_wh,
    }
    answered = counts["created"] + counts["refused"]
    run.expect(answered == len(sessions), f"of {len(sessions)} sessions {answered} were answered")


def _make_plug(run: Run, station: int, plug: str) -> int:
    evse = run.owner.post("evses", {"station": station, "uid": f"CH*DEMO*E{plug}"})
    connector = run.owner.post(
        "connectors",
        {
            "evse": evse["id"],
            "connector_id": "1",
            "standard": "IEC_62196_T2",
            "power_type": "AC_3_PHASE",
            "max_power_kw": "22.0",
        },
    )
    return int(connector["id"])


# --- A week of bookings --------------------------------------------------------------------------
def book_a_week(run: Run, sessions: list[Session]) -> None:
    """The first full week of ten sessions or more, in a coming week; then each once more."""
    week = first_full_week(sessions)
    if week is None:
        run.failures.append(f"no full week has {LEAST_SESSIONS} sessions")
        return
    wanted = [session for session in sessions if _week_of(session.starts_at) == week]
    wanted.sort(key=lambda session: session.starts_at)
    today = datetime.now(UTC).astimezone(ZONE).date()
    coming = today - timedelta(days=today.weekday()) + WEEK
    later = WEEK * ((coming - week).days // 7)
    first, second = (_make_vehicles(run, prefix) for prefix in ("A", "B"))
    booked = [
        session for session in wanted if _book(run, session, later, first[session.plug]) is None
    ]
    answers = Counter(_book(run, session, later, second[session.plug]) for session in booked)
    refused = sum(answers[code] for code in TAKEN)
    run.report["reservations"] = {
        "week": week.isoformat(),
        "sessions": len(wanted),
        "booked": len(booked),
        "refused": refused,
    }
    run.expect(refused == len(booked) > 0, f"{len(booked)} booked, {refused} refused: {answers}")


def first_full_week(sessions: list[Session]) -> date | None:
    """The Monday of the first week, whole within the file, with at least ten sessions."""
    count: defaultdict[date, int] = defaultdict(int)
    for session in sessions:
        count[_week_of(session.starts_at)] += 1
    days = [session.starts_at.astimezone(ZONE).date() for session in sessions]
    for monday in sorted(count):
        whole = min(days) <= monday and monday + WEEK - timedelta(days=1) <= max(days)
        if whole and count[monday] >= LEAST_SESSIONS:
            return monday
    return None


def _week_of(instant: datetime) -> date:
    on = instant.astimezone(ZONE).date()
    return on - timedelta(days=on.weekday())


def _make_vehicles(run: Run, prefix: str) -> dict[str, int]:
    """A car for each plug, of a model that the plugs fit."""
    models = run.owner.each("vehicle-models")
    fits = {"IEC_62196_T2", "IEC_62196_T2_COMBO"}
    model = next(row["id"] for row in models if fits & set(row["inlets"]))
    made = together(
        lambda plug: run.owner.post(
            "vehicles",
            {"vin": f"SJNBK{prefix}{plug}0000000000", "model": model},
        ),
        ("1", "2"),
    )
    return {plug: int(row["id"]) for plug, row in zip(("1", "2"), made, strict=True)}


def _book(run: Run, session: Session, later: timedelta, vehicle: int) -> str | None:
    """Book the session's time again; None, or the code of the refusal."""
    begun, over = (_to_minute(at + later) for at in (session.starts_at, session.ends_at))
    body: dict[str, Any] = {
        "station": run.facts["station"],
        "connector": run.facts["plugs"][session.plug],
        "vehicle": vehicle,
        "starts_at": begun.isoformat(),
        "ends_at": max(over, begun + MINUTE).isoformat(),
    }
    try:
        run.owner.post("reservations", body)
    except ApiError as error:
        if error.status != 409:
            raise
        return error.code
    return None


def _to_minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)
