"""Runs the living place: sets the companies up, then drives their cars, until SIGTERM."""

import argparse
import json
import logging
import os
import random
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from voltop.demo.city.cars import Car
from voltop.demo.city.company import quietly, set_up
from voltop.demo.city.streets import City
from voltop.demo.client import Client
from voltop.demo.companies import COMPANIES, PASSWORD, Company

EVERY_S = 5.0
SOURCE = "City trackers"
log = logging.getLogger("voltop.city")


def main() -> None:
    """Wait for the web process, set up, and drive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--tokens", type=Path, required=True, help="where source tokens are kept")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _wait_for(options.url)
    places: list[Place] = []
    while not places:
        try:
            places = _settle(options.url, options.tokens)
        except Exception:  # what the city cannot do must not end the rest of the demo
            log.exception("the city could not be set up; again in a minute")
            time.sleep(60)
    while True:
        begun = time.monotonic()
        for place in places:
            place.tick(EVERY_S)
        time.sleep(max(0.2, EVERY_S - (time.monotonic() - begun)))


def _settle(url: str, tokens: Path) -> "list[Place]":
    city = City()
    places = [Place(url, company, city, tokens) for company in COMPANIES]
    log.info("%d cars drive", sum(len(place.cars) for place in places))
    for place in places:
        place.begin_the_day()
    return places


class Place:
    """One company's cars, and the client that reports them."""

    def __init__(self, url: str, company: Company, city: City, tokens: Path) -> None:
        self.company = company
        self.owner = Client(url).log_in(company.owner, PASSWORD)
        self.vehicles = set_up(self.owner, company, city)
        self.trackers = Client(url, token=_token(self.owner, company, tokens))
        chance = random.Random(company.name)  # noqa: S311 (a simulation)
        homes = [node for node in ((4, 4), (21, 16)) if node in city.nodes]
        self.cars = [
            Car(
                city,
                vehicle["id"],
                random.Random(f"{company.name} {n}"),  # noqa: S311
                homes[n % len(homes)],
                soc_pct=chance.uniform(25, 95),
                odometer_km=chance.uniform(5_000, 60_000),
            )
            for n, vehicle in enumerate(self.vehicles)
        ]
        for car in self.cars:
            car.at = chance.choice(city.places)
            car.step(chance.uniform(0, 60))
        self._go_on_where_they_were()

    def _go_on_where_they_were(self) -> None:
        known = {row["vehicle"]: row for row in self.owner.each("vehicles/live")}
        for car in self.cars:
            row = known.get(car.vehicle_id)
            if row and row.get("odometer_km") is not None:
                car.odometer_km = float(row["odometer_km"])
                car.soc_pct = float(row["soc_pct"] or car.soc_pct)

    def tick(self, seconds: float) -> None:
        """Live for some seconds and report; a failed report is only a gap in the track."""
        now = datetime.now(UTC)
        for car in self.cars:
            car.step(seconds)
        samples = [car.sample(now) for car in self.cars]
        try:
            self.trackers.post_gzip("telemetry/samples", json.dumps({"samples": samples}).encode())
        except Exception as error:
            log.warning("%s: %s", self.company.name, error)

    def begin_the_day(self) -> None:
        """Shifts for most, some bookings, a question: once a day is enough."""
        self.tick(EVERY_S)
        running = {row["driver"] for row in self.owner.each("shifts", status="active")}
        assigned = self.owner.each("assignments")
        pairs = [(row["driver"], row["vehicle"]) for row in assigned if row["kind"] == "permanent"]
        for n, (driver, vehicle) in enumerate(pairs):
            if driver not in running and n % 4 != 3:
                body = {"driver": driver, "vehicle": vehicle}
                quietly(self.owner.post, "shifts/start", body)
        self._book(pairs)
        self._ask(pairs)

    def _book(self, pairs: list[tuple[int, int]]) -> None:
        stations = self.owner.get("stations")["results"]
        if self.owner.get("reservations", status="reserved")["results"]:
            return
        start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        for n, (driver, vehicle) in enumerate(pairs[:14]):
            begins = start + timedelta(hours=1 + n // 5)
            body: dict[str, Any] = {
                "station": stations[n % len(stations)]["id"],
                "vehicle": vehicle,
                "driver": driver,
                "starts_at": begins.isoformat(),
                "ends_at": (begins + timedelta(minutes=45)).isoformat(),
                "target_soc_pct": 80,
            }
            quietly(self.owner.post, "reservations", body)

    def _ask(self, pairs: list[tuple[int, int]]) -> None:
        if self.owner.get("conversations")["results"] or not pairs:
            return
        for (driver, _vehicle), topic, body in zip(
            pairs,
            ("documents", "vehicle", "charging"),
            (
                "Your driving licence expires next month. Please bring the new one.",
                "Your car is due for its service on Friday: which hour suits you?",
                "Bay 3 is out of order today, please use bay 4.",
            ),
            strict=False,
        ):
            self.owner.post("conversations", {"driver": driver, "topic": topic, "body": body})


def _token(owner: Client, company: Company, path: Path) -> str:
    """The token of the company's tracker source: kept in a file, made anew where it is lost."""
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    sources = [row for row in owner.each("telemetry/sources") if row["name"] == SOURCE]
    if company.name in kept and sources:
        return kept[company.name]
    if sources:
        made = owner.post_plain(f"telemetry/sources/{sources[0]['id']}/rotate-token", {})
    else:
        made = owner.post_plain("telemetry/sources", {"name": SOURCE})
    kept[company.name] = made["token"]
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(kept, file)
    return str(made["token"])


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(f"{url}/livez", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise SystemExit(f"{url} does not answer")


if __name__ == "__main__":
    main()
