"""Steps 1 and 2: the company and its cabs, the day as telemetry, what the product makes of it."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from voltop.demo import fixes
from voltop.demo.client import Client
from voltop.demo.fixes import Fix
from voltop.demo.run import THREADS, Cab, Run, chunks, together, wait

BATCH = 5_000
SINCE = timedelta(days=100)
"""How long before the day the company, its cars and its plans begin."""
PEOPLE = (("owner", "owner@cabs.example"), ("accountant", "pay@cabs.example"))


def found_company(run: Run) -> None:
    """A car with a driver for each cab; the company is there, its rules keep samples for ever."""
    [policy] = run.owner.each("policies")
    kept = policy["telemetry_retention_days"]
    run.expect(kept is None, f"samples are kept for {kept} days only")
    run.facts["cap_pct"] = policy["deduction_cap_pct"]
    model = next(run.owner.each("vehicle-models", search="Leaf"), None) or next(
        run.owner.each("vehicle-models")
    )
    run.facts["model"] = model["id"]
    since = _iso(run.day.first - SINCE)
    names = list(enumerate(run.day.cabs))
    cars = _bulk(run, "vehicles/bulk", [_car(*item, model["id"], since) for item in names])
    people = _bulk(run, "drivers/bulk", [_person(*item) for item in names])
    for step in ("bulk-onboard", "bulk-activate"):
        for refused in _many(run.owner, f"drivers/{step}", people):
            run.failures.append(f"drivers/{step}: {refused['code']}")
    pairs = zip(cars, people, strict=True)
    _bulk(run, "assignments/bulk", [_permanent(*pair, since) for pair in pairs])
    cabs = [Cab(car, person) for car, person in zip(cars, people, strict=True)]
    run.cabs = dict(zip(run.day.cabs, cabs, strict=True))
    run.report["vehicles"] = len(run.cabs)


def _bulk(run: Run, path: str, rows: list[dict[str, Any]]) -> list[int]:
    """Send rows in bulk; the ids of what they made, in their order."""
    made: list[int] = []
    for chunk in chunks(rows, 500):
        answer = run.owner.post(path, {"rows": chunk})
        run.expect(not answer["refused"], f"{path}: {answer['refused']} refused")
        made += [row["id"] for row in answer["results"]]
    return made


def _car(number: int, name: str, model: int, since: str) -> dict[str, Any]:
    return {
        "vin": f"SJNVP{number:012d}",
        "label": name[:40],
        "model": model,
        "tenure_starts_at": since,
    }


def _person(number: int, name: str) -> dict[str, Any]:
    return {
        "given_name": name[:80].capitalize(),
        "family_name": "Cabbie",
        "email": f"driver{number}@cabs.example",
        "employee_number": f"D{number:05d}",
    }


def _permanent(car: int, person: int, since: str) -> dict[str, Any]:
    return {"vehicle": car, "driver": person, "kind": "permanent", "starts_at": since}


# --- Telemetry -----------------------------------------------------------------------------------
def send_day(run: Run) -> None:
    """Every row of the file, in batches of 5,000 from several threads, with a source's token."""
    source = run.owner.post_plain("telemetry/sources", {"name": "dispatch trackers"})
    counts: Counter[str] = Counter()
    lock = threading.Lock()
    client = Client(run.stage.url, token=source["token"])

    def send(batch: list[Fix]) -> None:
        answer = client.post_gzip("telemetry/samples", _body(run, batch))
        with lock:
            counts["accepted"] += answer["accepted"]
            counts["duplicates"] += answer["duplicates"]
            counts["rejected"] += len(answer["rejected"]) + answer["quarantined"]

    begun = time.monotonic()
    read = 0
    for wave in chunks(chunks(fixes.read(run.day.path), BATCH), THREADS * 2):
        read += sum(map(len, wave))
        together(send, wave)
    client.close()
    samples = {"read": read, **{k: counts[k] for k in ("accepted", "duplicates", "rejected")}}
    samples["per_s"] = round(read / (time.monotonic() - begun))
    run.report["samples"] = samples
    accounted = samples["accepted"] + samples["duplicates"] + samples["rejected"]
    run.expect(read == accounted == run.day.rows, f"of {read} rows {accounted} were answered")
    run.stage.manage("derive_telemetry")


def _body(run: Run, batch: list[Fix]) -> bytes:
    """The JSON of a batch, put together by hand: 5,000 times a dict is what takes the time."""
    rows = [
        f'{{"vehicle":{run.cabs[fix.cab].vehicle},"recorded_at":"{_instant(fix.timestamp)}",'
        f'"latitude":{fix.latitude!r},"longitude":{fix.longitude!r},'
        f'"occupied":{"true" if fix.occupied else "false"}}}'
        for fix in batch
    ]
    return ('{"samples":[' + ",".join(rows) + "]}").encode()


@lru_cache(maxsize=100_000)
def _instant(timestamp: int) -> str:
    return _iso(datetime.fromtimestamp(timestamp, UTC))


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- What it comes to ----------------------------------------------------------------------------
def read_trips(run: Run) -> None:
    """Hired runs and vehicle days as the API tells them."""
    runs = list(run.owner.each("telemetry/hired-runs"))
    run.facts["runs"] = runs
    days = [
        day
        for rows in together(
            lambda cab: list(run.owner.each(f"vehicles/{cab.vehicle}/days")), run.cabs.values()
        )
        for day in rows
    ]
    run.report["trips"] = {
        "hired": len(runs),
        "running_at_start": sum(row["running_at_start"] for row in runs),
        "km": _sum(days, "km"),
        "gap_km": _sum(days, "gap_km"),
        "occupied_km": _sum(days, "paid_km"),
    }
    samples = sum(day["samples"] for day in days)
    stored = run.report["samples"]["accepted"]
    run.expect(samples == stored, f"the days hold {samples} samples of {stored}")
    hired = _sum(runs, "km") + _sum(runs, "gap_km")
    paid = run.report["trips"]["occupied_km"]
    run.expect(abs(hired - paid) < Decimal("0.01"), f"hired runs {hired} km, days {paid} km")


def _sum(rows: Iterable[dict[str, Any]], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows), Decimal())


# --- Shifts --------------------------------------------------------------------------------------
def make_shifts(run: Run) -> None:
    """Shifts proposed from telemetry and accepted; each measured by the workers."""
    job = run.owner.post(
        "shift-proposals/propose",
        {
            "start": _iso(run.day.first - timedelta(hours=1)),
            "end": _iso(run.day.last + timedelta(seconds=1)),
        },
    )
    run.wait_for_job(run.owner, job["id"], longest_s=300)
    proposals = list(run.owner.each("shift-proposals"))
    without_driver = sum(row["driver"] is None for row in proposals)
    wanted = [row["id"] for row in proposals if row["driver"] is not None]
    for refused in _many(run.owner, "shift-proposals/bulk-accept", wanted):
        run.failures.append(f"proposal {refused['id']} was not accepted: {refused['code']}")
    shifts = list(run.owner.each("shifts"))
    run.facts["shifts"] = shifts
    seconds = sum(_seconds(row) for row in shifts)
    run.report["shifts"] = {
        "count": len(shifts),
        "hours": round(Decimal(seconds) / 3600, 1),
        "without_driver": without_driver,
    }


def measure_shifts(run: Run) -> None:
    """Wait until the workers have measured every shift, then confirm all of them."""
    shifts = run.facts["shifts"]
    metrics = wait(
        lambda: list(run.owner.each("shift-metrics")),
        lambda rows: len(rows) == len(shifts),
        longest_s=300,
    )
    run.facts["metrics"] = metrics
    reason = "looked at: found in telemetry"
    ids = [shift["id"] for shift in shifts]
    for refused in _many(run.accountant, "shifts/bulk-confirm", ids, reason=reason):
        run.failures.append(f"shift {refused['id']} was not confirmed: {refused['code']}")


def _many(client: Client, path: str, ids: list[int], **more: str) -> Iterator[dict[str, Any]]:
    """Say it of many rows, a hundred at a time; the answers that were not ok."""
    answers = together(
        lambda chunk: client.post(path, {"ids": chunk, **more}), list(chunks(ids, 100)), threads=2
    )
    yield from (row for answer in answers for row in answer["results"] if not row["ok"])


def _seconds(shift: dict[str, Any]) -> int:
    begun, over = (datetime.fromisoformat(shift[name]) for name in ("starts_at", "ends_at"))
    return round((over - begun).total_seconds())
