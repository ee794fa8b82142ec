"""Steps 3 and 5: fares by a meter, a pay batch from plan to bank, and a driver who asks about it.

The meter's tariff and the plan are the demo's; what they come to is worked out a second time by
`recompute`, a program of its own.
"""

import json
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

from voltop.demo import fixes, recompute
from voltop.demo.client import Client
from voltop.demo.fleet import SINCE
from voltop.demo.run import Cab, Run, chunks, together, wait

CURRENCY = "USD"
TARIFF = {"flag": "3.10", "per_km": "1.40"}
PLAN = {
    "share_pct": "55",
    "guarantee_per_h": "12.50",
    "rent_per_work_day": "24.00",
}
COMPONENTS = [
    {
        "key": "share",
        "rule": "income_share",
        "window": "week",
        "params": {"kinds": ["fare"], "tiers": [{"from": "0", "pct": PLAN["share_pct"]}]},
    },
    {
        "key": "guarantee",
        "rule": "guarantee",
        "window": "week",
        "params": {"rate": PLAN["guarantee_per_h"], "counts": ["share"]},
    },
]
ADJUSTMENTS = (("bonus", "25.00"), ("reimbursement", "8.40"), ("penalty", "15.00"))
FAULTS = ("refuse", "hang", "drop", "twice")
FAULT_PERMILLE = 50


# --- Fares ---------------------------------------------------------------------------------------
def post_fares(run: Run) -> None:
    """Each hired run's fare by the meter as a platform entry; every third one paid in cash."""
    account = run.accountant.post(
        "platform-accounts",
        {"platform": "meter", "name": "Meters", "time_zone": fixes.ZONE.key},
    )
    hired = [row for row in run.facts["runs"] if row["driver"] is not None]
    run.facts["fares"] = [row | {"cash": n % 3 == 0} for n, row in enumerate(hired)]
    run.expect(len(hired) == len(run.facts["runs"]), "hired runs without a driver")
    counts: Counter[str] = Counter()
    batches = list(chunks(_entries(run), 1000))
    for answer in together(
        lambda rows: run.accountant.post(
            "platform-entries/bulk", {"account": account["id"], "rows": rows}
        ),
        batches,
        threads=2,
    ):
        counts.update({name: answer[name] for name in ("created", "duplicate", "refused")})
    sent = sum(map(len, batches))
    run.expect(counts["created"] == sent, f"of {sent} entries: {dict(counts)}")


def _entries(run: Run) -> Iterator[dict[str, Any]]:
    for row in run.facts["fares"]:
        amount = {"amount": f"{_fare(row):.2f}", "currency": CURRENCY}
        entry = {
            "occurred_at": row["starts_at"],
            "posted_at": row["ends_at"],
            "driver": row["driver"],
            "trip_ref": f"run {row['id']}",
            "amount": amount,
        }
        yield entry | {"external_id": f"run {row['id']}", "kind": "fare"}
        if row["cash"]:
            yield entry | {"external_id": f"run {row['id']} cash", "kind": "cash_collected"}


def _fare(row: dict[str, Any]) -> Decimal:
    km = Decimal(row["km"]) + Decimal(row["gap_km"])
    exact = Decimal(TARIFF["flag"]) + km * Decimal(TARIFF["per_km"])
    return exact.quantize(Decimal("0.01"), ROUND_HALF_EVEN)


# --- What was agreed -----------------------------------------------------------------------------
def agree_terms(run: Run) -> None:
    """A pay group, a plan, terms with rent that each driver signed on paper, a few adjustments."""
    since = (run.day.first - SINCE).astimezone(fixes.ZONE).date()
    group = run.owner.post(
        "pay-groups",
        {"name": "Weekly", "cadence": "weekly", "anchor_on": run.day.week[0].isoformat()},
    )
    plan = run.owner.post(
        "pay-plans",
        {"name": "Cabs", "effective_from": since.isoformat(), "components": COMPONENTS},
    )
    run.facts["group"] = group["id"]
    for rows in chunks(run.cabs.values(), 500):
        answer = run.owner.post(
            "terms/bulk",
            {
                "pay_group": group["id"],
                "plan_version": plan["versions"][0]["id"],
                "rows": [_terms(cab, since) for cab in rows],
            },
        )
        run.expect(answer["created"] == len(rows), f"terms: {answer['refused']} were refused")
    for rows in chunks(run.cabs.values(), 500):
        answer = run.owner.post("payout-accounts/bulk", {"rows": [_account(cab) for cab in rows]})
        run.expect(not answer["refused"], f"accounts: {answer['refused']} were refused")
    some = list(run.cabs.values())[:: len(run.cabs) // 9 + 1]
    run.facts["adjustments"] = [
        _adjust(run, cab.driver, *ADJUSTMENTS[n % len(ADJUSTMENTS)]) for n, cab in enumerate(some)
    ]


def _terms(cab: Cab, since: date) -> dict[str, Any]:
    return {
        "driver": cab.driver,
        "valid_from": since.isoformat(),
        "rent": {"amount": PLAN["rent_per_work_day"], "currency": CURRENCY},
        "rent_per": "work_day",
        "text": "Share of fares, at least the guarantee; rent for days worked.",
        "evidence": f"folder {cab.driver}",
    }


def _account(cab: Cab) -> dict[str, Any]:
    """An account that money may be sent to."""
    return {
        "driver": cab.driver,
        "kind": "us",
        "details": {"routing": "021000021", "account": f"{cab.driver:08d}"},
        "holder_name": f"Driver {cab.driver}",
    }


def _adjust(run: Run, driver: int, kind: str, amount: str) -> dict[str, Any]:
    """One person asks, another decides."""
    asked = run.accountant.post(
        "adjustments",
        {
            "driver": driver,
            "kind": kind,
            "amount": {"amount": amount, "currency": CURRENCY},
            "due_on": run.day.week[0].isoformat(),
            "reason": f"a {kind} of the demo",
        },
    )
    run.owner.post(f"adjustments/{asked['id']}/approve", {})
    return {"driver": driver, "kind": kind, "amount": amount}


# --- The batch -----------------------------------------------------------------------------------
def calculate(run: Run) -> None:
    """The accountant's batch of the week, calculated; compared with the recomputation."""
    first, end = run.day.week
    batch = run.accountant.post(
        "payment-batches",
        {
            "pay_group": run.facts["group"],
            "period_starts_on": first.isoformat(),
            "period_ends_on": end.isoformat(),
        },
    )
    run.facts["batch"] = batch["id"]
    run.accountant.post(f"payment-batches/{batch['id']}/calculate")
    _wait_for_batch(run, "in_review", longest_s=200)
    payments = _payments(run)
    run.facts["payments"] = payments
    total = sum((Decimal(row["payable"]["amount"]) for row in payments), Decimal())
    again = _recompute(run)
    run.report["payments"] = {
        "drivers": len(payments),
        "total": f"{total:.2f}",
        "recomputed": again["total"],
        "currency": CURRENCY,
        "exceptions": sum(row["status"] == "exception" for row in payments),
        "carried": 0,
    }
    run.expect(f"{total:.2f}" == again["total"], f"total {total}, recomputed {again['total']}")
    differing = [
        row["driver"]
        for row in payments
        if Decimal(row["payable"]["amount"]) * 100 != again["cents"].get(str(row["driver"]), 0)
    ]
    run.expect(not differing, f"drivers whose pay differs from the recomputation: {differing[:9]}")
    _tell_who_is_idle(run, {int(driver) for driver in again["cents"]})


def _tell_who_is_idle(run: Run, worked: set[int]) -> None:
    """One payment for each driver with a fare, a shift or an adjustment, none for anybody else.

    `worked` are the drivers of the recomputation. Of the others the API is asked whether they
    really have nothing that could be paid.
    """
    paid = [row["driver"] for row in run.facts["payments"]]
    run.expect(len(paid) == len(set(paid)), f"{len(paid) - len(set(paid))} second payments")
    unpaid, unfounded = worked - set(paid), set(paid) - worked
    run.expect(not unpaid, f"drivers who worked and have no payment: {sorted(unpaid)[:9]}")
    run.expect(not unfounded, f"drivers paid for nothing: {sorted(unfounded)[:9]}")
    idle = {cab.driver for cab in run.cabs.values()} - worked
    run.report["payments"]["idle"] = len(idle)
    having = [driver for driver in sorted(idle) if any(_holdings(run, driver))]
    run.expect(not having, f"drivers without a payment who have something: {having[:9]}")


def _holdings(run: Run, driver: int) -> list[int]:
    """How many shifts, entries of a platform, adjustments and payments the driver has."""
    return [
        len(run.accountant.get(path, driver=driver)["results"])
        for path in ("shifts", "platform-entries", "adjustments", "payments")
    ]


def _recompute(run: Run) -> dict[str, Any]:
    """Have the second program work it out, from what happened and what was agreed."""
    keys = {
        "fares": ("driver", "km", "gap_km", "cash"),
        "shifts": ("driver", "starts_at", "ends_at"),
    }
    facts = {
        "runs": [{key: row[key] for key in keys["fares"]} for row in run.facts["fares"]],
        "shifts": [{key: row[key] for key in keys["shifts"]} for row in run.facts["shifts"]],
        "adjustments": run.facts["adjustments"],
        "tariff": TARIFF,
        "plan": PLAN | {"cap_pct": run.facts["cap_pct"]},
        "time_zone": fixes.ZONE.key,
    }
    done = subprocess.run(  # noqa: S603 (our own file)
        [sys.executable, "-I", str(Path(recompute.__file__))],
        input=json.dumps(facts),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def pay_out(run: Run) -> None:
    """Approved by the owner, paid through a bank that fails now and then, reconciled."""
    bank = run.stage.bank
    account = run.accountant.post(
        "funding-accounts", {"name": "House bank", "endpoint": bank.url, "secret": bank.token}
    )
    run.owner.post(f"funding-accounts/{account['id']}/activate", {})
    bank.set_faults(dict.fromkeys(FAULTS, FAULT_PERMILLE), first=list(FAULTS), seed=7)
    path = f"payment-batches/{run.facts['batch']}"
    run.owner.post(f"{path}/approve", {"funding_account": account["id"]})
    wait(
        lambda: run.accountant.get(path),
        lambda row: row["posted_at"] is not None,
        longest_s=200,
    )
    run.accountant.post(f"{path}/pay", {})
    _wait_for_batch(run, "paid", "partly_paid", longest_s=240)
    job = run.accountant.post(f"funding-accounts/{account['id']}/reconcile")
    matched = run.wait_for_job(run.accountant, job["id"], longest_s=200)
    for name in ("wrong_amount", "unmatched", "missing", "doubles"):
        run.expect(not matched[name], f"reconciliation: {name} {matched[name]}")
    _compare_with_bank(run)


def _compare_with_bank(run: Run) -> None:
    """Our payouts beside the bank's own book."""
    payouts = list(run.accountant.each("payouts"))
    states = Counter(row["status"] for row in payouts)
    payments = Counter(row["status"] for row in _payments(run))
    told = run.report["payments"]
    told["carried"] = payments["carried"]
    run.report["payouts"] = {name: states[name] for name in ("confirmed", "failed", "unknown")}
    ends = states["confirmed"] + states["failed"] + payments["carried"] + told["exceptions"]
    run.expect(ends == told["drivers"], f"{ends} ends of {told['drivers']} drivers: {states}")
    run.expect(not told["exceptions"], f"{told['exceptions']} exceptions")
    run.expect(not states["unknown"], f"{states['unknown']} payouts are unknown")
    book = list(run.stage.bank.book())
    refused = {row["key"] for row in book if row["kind"] == "refused"}
    unfounded = [row for row in payouts if row["status"] == "failed" and row["key"] not in refused]
    run.expect(not unfounded, f"{len(unfounded)} failed payouts that the bank did not refuse")
    counters = run.stage.bank.counters()
    confirmed = sum(
        (Decimal(row["amount"]["amount"]) for row in payouts if row["status"] == "confirmed"),
        Decimal(),
    )
    paid = Decimal(counters["paid_total"].get(CURRENCY, "0"))
    run.report["bank"] = {
        "paid_total": f"{paid:.2f}",
        "doubles": counters["doubles"],
        "faults": counters["faults"],
    }
    run.expect(paid == confirmed, f"the bank paid {paid}, confirmed are {confirmed}")
    run.expect(not counters["doubles"], f"the bank paid {counters['doubles']} twice")
    for fault in FAULTS:
        run.expect(counters["faults"].get(fault, 0) > 0, f"the fault {fault} never struck")


def _wait_for_batch(run: Run, *states: str, longest_s: float) -> None:
    path = f"payment-batches/{run.facts['batch']}"
    wait(lambda: run.accountant.get(path), lambda row: row["status"] in states, longest_s=longest_s)


def _payments(run: Run) -> list[dict[str, Any]]:
    return list(run.accountant.each("payments", batch=run.facts["batch"]))


# --- A question ----------------------------------------------------------------------------------
def dispute(run: Run) -> None:
    """A driver asks about one line of a payslip, and is answered.

    The driver comes in as every new one does: by the code of the invitation that was sent when
    the record was made, which sets a first password.
    """
    payment = next(row for row in run.facts["payments"] if Decimal(row["payable"]["amount"]))
    email = run.owner.get(f"drivers/{payment['driver']}")["email"]
    code = wait(lambda: run.stage.invitation_of(email), bool, longest_s=60)
    driver = Client(run.stage.url).accept_invitation(code, secrets.token_urlsafe(12))
    [slip] = list(driver.each("me/payments"))
    lines = driver.get(f"me/payments/{slip['id']}")["lines"]
    conversation = driver.post(
        "me/conversations",
        {
            "topic": "pay",
            "about_type": "payments.paymentline",
            "about_id": lines[0]["id"],
            "body": "Why is this line so low? Please look at the runs.",
        },
    )
    messages = f"conversations/{conversation['id']}/messages"
    run.owner.post(messages, {"body": "It was looked at: every run is in it, at the meter's fare."})
    told = list(driver.each(f"me/{messages}"))
    driver.close()
    run.report["dispute"] = {
        "conversation": conversation["number"],
        "line": lines[0]["key"],
        "messages": len(told),
    }
    run.expect(len(told) == 2, f"the dispute has {len(told)} messages")
