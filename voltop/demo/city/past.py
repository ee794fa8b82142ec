"""Some weeks of history: what the diary says is reported, measured and confirmed through the API.

Each step looks at what is there and does the rest, so that it may be cut off anywhere and a second
time changes nothing. Not here: what happened (`diary`), what is paid for it (`payday`).
"""

import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from voltop.demo.city.company import own_stations
from voltop.demo.city.diary import CarDay, Diary, Leg
from voltop.demo.client import Client
from voltop.demo.companies import Company
from voltop.demo.run import chunks

WEEKS = 4
PLATFORMS = {"MX": ("didi", "DiDi"), "BR": ("99", "99"), "DE": ("freenow", "FREENOW")}
TARIFFS = {"MX": ("18.00", "8.50"), "BR": ("5.50", "2.60"), "DE": ("4.30", "2.50")}
"""Flag fall and price per kilometre, in the company's currency."""
TELL_EVERY_S = 60
log = logging.getLogger("voltop.city")


def first_day(end: date) -> date:
    """The Monday that begins the told weeks, where the city began on `end`."""
    return end - timedelta(days=end.weekday(), weeks=WEEKS)


class Past:
    """One company's past days."""

    def __init__(
        self,
        company: Company,
        diary: Diary,
        days: list[CarDay],
        *,
        owner: Client,
        trackers: Client,
        vehicles: dict[int, int],
    ) -> None:
        self.company, self.diary, self.days = company, diary, days
        self.owner, self.trackers, self.vehicles = owner, trackers, vehicles
        self.between = {
            "date_from": diary.first.isoformat(),
            "date_to": diary.end.isoformat(),
        }
        self.drivers = {
            row["vehicle"]: row["driver"]
            for row in owner.each("assignments")
            if row["kind"] == "permanent"
        }
        self.days = [day for day in days if self._driver(day) is not None]

    def write(self) -> None:
        """Everything that is not there yet."""
        begun = time.monotonic()
        if not self._has("shifts") and not self._has("shift-proposals"):
            self._report()
            self._propose()
        self._accept()
        self._post_fares()
        self._import_charging()
        self._confirm()
        log.info("%s: past written (%.0f s)", self.company.name, time.monotonic() - begun)

    def _until(self, what: str, good: Callable[[], bool]) -> None:
        """Wait for the workers, however long they take on this machine; tell where it is long."""
        told = begun = time.monotonic()
        while not good():
            if time.monotonic() - told > TELL_EVERY_S:
                told = time.monotonic()
                log.info("%s: %.0f s waited for %s", self.company.name, told - begun, what)
            time.sleep(2)

    def _has(self, path: str) -> bool:
        return bool(self.owner.get(path, page_size=1, **self.between)["results"])

    def _driver(self, day: CarDay) -> int | None:
        return self.drivers.get(self.vehicles[day.number])

    # --- Telemetry -------------------------------------------------------------------------------
    def _report(self) -> None:
        """The trackers' samples, and wait until the workers have made days of them."""
        sent: defaultdict[int, int] = defaultdict(int)
        rows = (
            row for day in self.days for row in self.diary.samples(day, self.vehicles[day.number])
        )
        for batch in chunks(rows, 5000):
            answer = self.trackers.post_gzip(
                "telemetry/samples", json.dumps({"samples": batch}).encode()
            )
            if answer["rejected"]:
                log.warning("%s: %s", self.company.name, answer["rejected"][:3])
            for row in batch:
                sent[row["vehicle"]] += 1
        waiting = dict(sent)

        def derived() -> bool:
            for vehicle in [car for car, count in waiting.items() if self._is_derived(car, count)]:
                del waiting[vehicle]
            return not waiting

        self._until("days of the telemetry", derived)

    def _is_derived(self, vehicle: int, sent: int) -> bool:
        days = self.owner.each(
            f"vehicles/{vehicle}/days",
            on_from=self.diary.first.isoformat(),
            on_to=self.diary.end.isoformat(),
        )
        return sum(day["samples"] for day in days) >= sent

    # --- Shifts ----------------------------------------------------------------------------------
    def _propose(self) -> None:
        start, end = (
            datetime.combine(on, time_of_day(), self.diary.zone).astimezone(UTC).isoformat()
            for on in (self.diary.first, self.diary.end)
        )
        job = self.owner.post("shift-proposals/propose", {"start": start, "end": end})
        self._until("shifts found", lambda: self._is_done(job["id"]))

    def _is_done(self, job_id: int) -> bool:
        job = self.owner.get(f"jobs/{job_id}")
        if job["state"] == "failed":
            raise RuntimeError(f"shifts could not be proposed: {job}")
        return bool(job["state"] == "done")

    def _accept(self) -> None:
        waiting = self.owner.each("shift-proposals", state="proposed", **self.between)
        for ids in list(chunks((row["id"] for row in waiting if row["driver"]), 50)):
            self.owner.post("shift-proposals/bulk-accept", {"ids": ids})

    def _confirm(self) -> None:
        """What was measured in past weeks is confirmed; the present week waits for a person."""
        monday = self.diary.end - timedelta(days=self.diary.end.weekday())
        before = {**self.between, "date_to": monday.isoformat()}
        ended = [row["id"] for row in self.owner.each("shifts", status="ended", **before)]
        if not ended:
            return

        def measured() -> bool:
            rows = self.owner.each("shift-metrics", **before)
            return not set(ended) - {row["shift"] for row in rows}

        self._until("shifts measured", measured)
        for ids in chunks(ended, 100):
            body = {"ids": ids, "reason": "compared with the day's telemetry"}
            self.owner.post("shifts/bulk-confirm", body)

    # --- Income ----------------------------------------------------------------------------------
    def _post_fares(self) -> None:
        """What passengers paid, as the platform tells it: fares, tips, and what was cash."""
        platform, name = PLATFORMS[self.company.country]
        known = [row for row in self.owner.each("platform-accounts") if row["name"] == name]
        account = (
            known[0]
            if known
            else self.owner.post("platform-accounts", {"platform": platform, "name": name})
        )
        entries = list(self._entries())
        last = entries[-1]["external_id"]
        if self.owner.get("platform-entries", external_id=last)["results"]:
            return
        for rows in chunks(entries, 1000):
            body = {"account": account["id"], "rows": rows}
            self.owner.post("platform-entries/bulk", body)

    def _entries(self) -> Iterator[dict[str, Any]]:
        for day in self.days:
            vehicle, driver = self.vehicles[day.number], self._driver(day)
            fares = [leg for leg in day.legs if leg.occupied]
            for n, leg in enumerate(fares):
                trip = f"{vehicle}-{day.on:%Y%m%d}-{n:02d}"
                paid = self._fare(leg)
                said = {"occurred_at": _iso(leg.ends_at), "posted_at": _iso(leg.ends_at)}
                said |= {"trip_ref": trip}
                kinds = {"fare": paid}
                if n % 5 == day.number % 5:
                    kinds["cash_collected"] = paid
                if n % 7 == 3:
                    kinds["tip"] = _cents(paid / 10)
                for kind, amount in kinds.items():
                    money = {"amount": f"{amount:.2f}", "currency": self.company.currency}
                    yield {
                        **said,
                        "external_id": f"{trip}-{kind}",
                        "kind": kind,
                        "driver": driver,
                        "amount": money,
                    }

    def _fare(self, leg: Leg) -> Decimal:
        flag, per_km = (Decimal(text) for text in TARIFFS[self.company.country])
        return _cents(flag + per_km * Decimal(repr(round(leg.km, 3))))

    # --- Charging --------------------------------------------------------------------------------
    def _import_charging(self) -> None:
        """What the chargers of the depots delivered."""
        began = f"{self.diary.end.isoformat()}T00:00:00Z"
        if self.owner.get("charging-sessions", page_size=1, starts_to=began)["results"]:
            return
        stations = own_stations(self.owner)
        vins = {row["id"]: row["vin"] for row in self.owner.each("vehicles")}
        evses = {
            (row["station"], row["physical_reference"]): row["uid"]
            for row in self.owner.each("evses")
        }
        for depot, station in enumerate(stations):
            rows = [
                {
                    "evse_uid": evses[station["id"], f"Bay {day.bay + 1}"],
                    "connector_id": "1",
                    "external_id": f"{day.on:%Y%m%d}-{day.number:03d}",
                    "starts_at": _iso(day.charge_from),
                    "ends_at": _iso(day.charge_until),
                    "energy_wh": round(day.energy_kwh * 1000),
                    "vehicle": vins[self.vehicles[day.number]],
                }
                for day in self.days
                if day.number % self.diary.depots == depot and day.charge_from and day.charge_until
            ]
            for chunk in chunks(rows, 500):
                body = {"station": station["id"], "rows": chunk}
                self.owner.post("charging-sessions/bulk", body)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_EVEN)


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
