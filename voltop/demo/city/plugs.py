"""Which car of the city stands at which charger, told to the station as sessions that run and end.

A car that finds no free bay at its depot charges all the same and is told of nowhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from voltop.demo.city.cars import BATTERY_KWH, Car


class Office(Protocol):
    """What is asked of the company's own client."""

    def each(self, path: str, **parameters: Any) -> Iterable[dict[str, Any]]: ...

    def post(self, path: str, body: Any = None) -> Any: ...


@dataclass(frozen=True)
class Plugged:
    """A car at a bay: since when, and how full it was then."""

    station: int
    uid: str
    begun: datetime
    soc_pct: float


class Plugs:
    """The bays of one company's stations and the cars at them."""

    def __init__(self, office: Office, stations: list[int]) -> None:
        self.office, self.at_bay = office, dict[int, Plugged]()
        self.vins = {row["id"]: row["vin"] for row in office.each("vehicles")}
        self._end_what_was_left()
        bays = [row for row in office.each("evses") if row["status"] == "AVAILABLE"]
        self.free = {
            station: [row["uid"] for row in bays if row["station"] == station]
            for station in stations
        }

    def tell(self, cars: Iterable[tuple[Car, int]], at: datetime) -> None:
        """Sessions begin for cars that charge (each with its station), and end for those full."""
        at = at.replace(microsecond=0)
        for car, station in cars:
            here = self.at_bay.get(car.vehicle_id)
            if car.charging and here is None and self.free.get(station):
                uid = self.free[station].pop(0)
                here = Plugged(station, uid, at, car.soc_pct)
                self.at_bay[car.vehicle_id] = here
                self._post(car, here, None)
            elif not car.charging and here is not None:
                self._post(car, here, at)
                self.free[here.station].append(self.at_bay.pop(car.vehicle_id).uid)

    def _post(self, car: Car, here: Plugged, ends_at: datetime | None) -> None:
        taken_pct = max(0.0, car.soc_pct - here.soc_pct)
        row = {
            "evse_uid": here.uid,
            "connector_id": "1",
            "external_id": f"{car.vehicle_id}-{here.begun:%Y%m%d%H%M%S}",
            "starts_at": here.begun.isoformat(),
            "ends_at": ends_at and ends_at.isoformat(),
            "energy_wh": round(taken_pct / 100 * BATTERY_KWH * 1000),
            "vehicle": self.vins[car.vehicle_id],
        }
        self.office.post("charging-sessions/bulk", {"station": here.station, "rows": [row]})

    def _end_what_was_left(self) -> None:
        """What ran when the city was stopped ends now: nobody knows when it really did."""
        for evse in self.office.each("evses", status="CHARGING"):
            for row in self.office.each("charging-sessions", evse=evse["id"]):
                if row["ends_at"] is not None:
                    continue
                left = {name: row[name] for name in ("external_id", "starts_at", "energy_wh")} | {
                    "evse_uid": evse["uid"],
                    "connector_id": "1",
                    "ends_at": datetime.now(UTC).replace(microsecond=0).isoformat(),
                }
                body = {"station": evse["station"], "rows": [left]}
                self.office.post("charging-sessions/bulk", body)
