"""Runs the living place: sets the companies up, then drives their cars, until SIGTERM."""

import argparse
import json
import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx

from voltop.demo.city import story
from voltop.demo.city.bank import read_bank
from voltop.demo.city.cars import Car
from voltop.demo.city.company import HOMES, own_stations, quietly, set_up
from voltop.demo.city.plugs import Plugs
from voltop.demo.city.streets import City
from voltop.demo.client import Client
from voltop.demo.companies import COMPANIES, PASSWORD, PAST_IS_AT, PAST_IS_WRITTEN, Company

EVERY_S = 5.0
LOOK_AFTER_S = 300.0
SHIFT_LASTS = timedelta(hours=9)
log = logging.getLogger("voltop.city")


def main() -> None:
    """Wait for the web process, set up, drive, and tell of the past beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--home", type=Path, required=True, help="where tokens are kept")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _wait_for(options.url)
    if not (options.home / PAST_IS_WRITTEN).exists():
        (options.home / PAST_IS_AT).write_text("the companies are being set up")
    places: list[Place] = []
    while not places:
        try:
            places = _settle(options.url, options.home)
        except Exception:  # what the city cannot do must not end the rest of the demo
            log.exception("the city could not be set up; again in a minute")
            time.sleep(60)
    telling = threading.Thread(target=_tell_the_past, args=(places, options.home), daemon=True)
    telling.start()
    _drive(places)


def _drive(places: "list[Place]") -> None:
    """For ever: everybody's cars, and now and then their people."""
    looked = time.monotonic()
    while True:
        begun = time.monotonic()
        for place in places:
            place.tick(EVERY_S)
        if begun - looked > LOOK_AFTER_S:
            looked = begun
            for place in places:
                quietly_logged(place.keep_going)
        time.sleep(max(0.2, EVERY_S - (time.monotonic() - begun)))


def _settle(url: str, home: Path) -> "list[Place]":
    city = City()
    places = [Place(url, company, city, home) for company in COMPANIES]
    log.info("%d cars drive", sum(len(place.cars) for place in places))
    for place in places:
        place.tick(EVERY_S)
        place.keep_going()
    return places


def _tell_the_past(places: "list[Place]", home: Path) -> None:
    """Write what is missing of every company's past, until it is whole."""
    bank, said = read_bank(home), home / PAST_IS_AT
    while True:
        try:
            for n, place in enumerate(places, 1):
                said.write_text(f"{place.company.name}, {n} of {len(places)} companies")
                story.tell(place, bank)
        except Exception as error:  # e.g. a worker that is restarted; what is there stays
            log.exception("the past is not whole yet; again in a minute")
            said.write_text(f"interrupted by {type(error).__name__}, goes on in a minute")
            time.sleep(60)
        else:
            (home / PAST_IS_WRITTEN).touch()
            said.unlink(missing_ok=True)
            return


def quietly_logged(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception:  # the cars drive on; it is tried again soon
        log.exception("not everything could be kept going")


class Place:
    """One company's cars, and the client that reports them."""

    def __init__(self, url: str, company: Company, city: City, home: Path) -> None:
        self.url, self.company, self.city = url, company, city
        self.owner = Client(url).log_in(company.owner, PASSWORD)
        self.vehicles = set_up(self.owner, company, city)
        self.plugs: Plugs | None = None
        self.trackers = Client(url, token=_token(self.owner, company, home / "city-tokens.json"))
        chance = random.Random(company.name)  # noqa: S311 (a simulation)
        self.cars = [
            Car(
                city,
                vehicle["id"],
                random.Random(f"{company.name} {n}"),  # noqa: S311
                HOMES[n % len(HOMES)],
                soc_pct=chance.uniform(25, 95),
                odometer_km=chance.uniform(12_000, 60_000),
            )
            for n, vehicle in enumerate(self.vehicles)
        ]
        for n, car in enumerate(self.cars):
            if n % 9 == 4:
                car.charging = True  # at its depot
            else:
                car.at = chance.choice(city.places)
            car.step(chance.uniform(0, 60))
        self.odometers_km = {n: car.odometer_km for n, car in enumerate(self.cars)}
        """What each car showed when the city began; the same at every start."""
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
        quietly_logged(lambda: self._tell_the_chargers(now))

    def _tell_the_chargers(self, now: datetime) -> None:
        stations = [row["id"] for row in own_stations(self.owner)] if self.plugs is None else []
        self.plugs = self.plugs or Plugs(self.owner, stations)
        at_home = zip(cycle(self.plugs.free), self.cars, strict=False)
        self.plugs.tell([(car, station) for station, car in at_home], now)

    def keep_going(self) -> None:
        """Shifts that have lasted long enough end, others begin; the next hours have bookings."""
        now = datetime.now(UTC)
        running = {row["driver"]: row for row in self.owner.each("shifts", status="active")}
        for row in running.values():
            if now - datetime.fromisoformat(row["starts_at"]) > SHIFT_LASTS:
                quietly(self.owner.post, f"shifts/{row['id']}/end", {})
        pairs = self.pairs()
        for n, (driver, vehicle) in enumerate(pairs):
            if driver not in running and (n + now.timetuple().tm_yday) % 4 != 3:
                body = {"driver": driver, "vehicle": vehicle}
                quietly(self.owner.post, "shifts/start", body)
        self._send_home_whoever_is_off()
        self._book(pairs, now)

    def _send_home_whoever_is_off(self) -> None:
        """Cars that no running shift has go home, or stand there from the start."""
        working = {
            stint["vehicle"]
            for row in self.owner.each("shifts", status="active")
            for stint in row["stints"]
            if stint["ends_at"] is None
        }
        for car in self.cars:
            car.on_duty = car.vehicle_id in working

    def pairs(self) -> list[tuple[int, int]]:
        """Each driver and the car that is theirs."""
        assigned = self.owner.each("assignments")
        return [(row["driver"], row["vehicle"]) for row in assigned if row["kind"] == "permanent"]

    def _book(self, pairs: list[tuple[int, int]], now: datetime) -> None:
        """Some cars have a plug waiting for them in the next hours; no-shows are left to happen."""
        if self.owner.get("reservations", status="reserved")["results"]:
            return
        stations = own_stations(self.owner)
        start = now.replace(minute=0, second=0, microsecond=0)
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


def _token(owner: Client, company: Company, path: Path) -> str:
    """The token of the company's tracker source: kept in a file, made anew where it is lost."""
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    sources = [row for row in owner.each("telemetry/sources") if row["name"] == story.SOURCE]
    if company.name in kept and sources:
        return kept[company.name]
    if sources:
        made = owner.post_plain(f"telemetry/sources/{sources[0]['id']}/rotate-token", {})
    else:
        made = owner.post_plain("telemetry/sources", {"name": story.SOURCE})
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
