"""What everybody should be paid, worked out once more, from nothing but what happened.

A program of its own (`python -I recompute.py < facts.json`): it knows the demo's tariff and plan,
and nothing of Voltop. Facts: `runs` (driver, km, gap_km, cash), `shifts` (driver, starts_at,
ends_at), `adjustments` (driver, kind, amount), `tariff`, `plan`, `time_zone`. Amounts in cents.
"""

import json
import sys
from collections import defaultdict
from datetime import datetime
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

CENT = Decimal(1)
EARNED = ("bonus", "correction")
TAKEN = ("penalty", "damage", "no_show_fee", "advance")


def cents(amount: Decimal) -> Decimal:
    """An amount as cents, a half to the even neighbour."""
    return (amount * 100).quantize(CENT, ROUND_HALF_EVEN)


def fare(run: dict, tariff: dict) -> Decimal:
    """Flag fall and a price per kilometre, silent ones included."""
    km = Decimal(run["km"]) + Decimal(run["gap_km"])
    return cents(Decimal(tariff["flag"]) + km * Decimal(tariff["per_km"]))


def pay(driver: dict, plan: dict) -> Decimal:
    """Share of fares, at least the guarantee; less rent and fines up to the cap; less cash held."""
    share = cents(driver["fares"] * Decimal(plan["share_pct"]) / 10_000)
    least = cents(driver["worked_s"] * Decimal(plan["guarantee_per_h"]) / 3600)
    earned = max(share, least) + driver["earned"]
    taken = driver["taken"] + len(driver["dates"]) * cents(Decimal(plan["rent_per_work_day"]))
    cap = (max(Decimal(), earned) * plan["cap_pct"] / 100).quantize(CENT, ROUND_FLOOR)
    before = earned + driver["repaid"] - driver["cash"]
    return max(Decimal(), before) - min(taken, cap, max(Decimal(), before))


def recompute(facts: dict) -> dict[int, Decimal]:
    """Cents to be paid, by driver."""
    zone = ZoneInfo(facts["time_zone"])
    zero = {name: Decimal() for name in ("fares", "cash", "worked_s", "earned", "taken", "repaid")}
    drivers: dict[int, dict] = defaultdict(lambda: {**zero, "dates": set()})
    for run in facts["runs"]:
        amount = fare(run, facts["tariff"])
        drivers[run["driver"]]["fares"] += amount
        drivers[run["driver"]]["cash"] += amount if run["cash"] else 0
    for shift in facts["shifts"]:
        begun, over = (datetime.fromisoformat(shift[name]) for name in ("starts_at", "ends_at"))
        drivers[shift["driver"]]["worked_s"] += int((over - begun).total_seconds())
        drivers[shift["driver"]]["dates"].add(begun.astimezone(zone).date())
    for item in facts["adjustments"]:
        kind = item["kind"]
        name = "earned" if kind in EARNED else "taken" if kind in TAKEN else "repaid"
        drivers[item["driver"]][name] += cents(Decimal(item["amount"]))
    return {key: pay(driver, facts["plan"]) for key, driver in drivers.items()}


if __name__ == "__main__":
    found = recompute(json.load(sys.stdin))
    total = sum(found.values(), Decimal()) / 100
    json.dump({"total": f"{total:.2f}", "cents": {k: int(v) for k, v in found.items()}}, sys.stdout)
