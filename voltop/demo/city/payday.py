"""The weeks' pay: what was agreed, batches paid through the sandbox bank, the last one in review.

Two people do it, as the product demands: the accountant asks, the owner decides. Again does only
what is left. Not here: a week that is not over.
"""

import logging
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import httpx

from voltop.demo.city.bank import BankAccess
from voltop.demo.client import Client
from voltop.demo.run import chunks

WEEK = timedelta(days=7)
COMPONENTS = [
    {
        "key": "share",
        "rule": "income_share",
        "window": "week",
        "params": {"kinds": ["fare"], "tiers": [{"from": "0", "pct": "58"}]},
    },
    {
        "key": "tips",
        "rule": "income_share",
        "window": "week",
        "params": {"kinds": ["tip"], "tiers": [{"from": "0", "pct": "100"}]},
    },
    {
        "key": "guarantee",
        "rule": "guarantee",
        "window": "week",
        "params": {"rate": "70.00", "counts": ["share"]},
    },
]
RENT = "60.00"
GROUP, PLAN = "Weekly", "City drivers"
log = logging.getLogger("voltop.city")


class Payday:
    """One company's plan, terms and batches."""

    def __init__(
        self, owner: Client, accountant: Client, bank: BankAccess, *, currency: str, first: date
    ) -> None:
        self.owner, self.accountant, self.bank = owner, accountant, bank
        self.currency, self.first = currency, first

    def agree(self, drivers: dict[int, date], unsigned: int | None) -> int:
        """Plan and terms of each driver, from the given day; one has not signed yet."""
        group = self._named("pay-groups", GROUP) or self._make_group()
        plan = self._named("pay-plans", PLAN) or self._make_plan()
        known = {row["driver"] for row in self.owner.each("terms")}
        missing = sorted(drivers.keys() - known)
        for part in chunks(missing, 500):
            rows = [self._terms(driver, drivers[driver], driver != unsigned) for driver in part]
            version = plan["versions"][0]["id"]
            body = {"pay_group": group["id"], "plan_version": version, "rows": rows}
            answer = self.owner.post("terms/bulk", body)
            if answer["refused"]:
                log.warning("terms refused: %s", answer)
        return int(group["id"])

    def _named(self, path: str, name: str) -> dict[str, Any] | None:
        """Ours of these: whoever looks around meanwhile may have made others."""
        return next((row for row in self.owner.each(path) if row["name"] == name), None)

    def _make_group(self) -> dict[str, Any]:
        body = {"name": GROUP, "cadence": "weekly", "anchor_on": self.first.isoformat()}
        made: dict[str, Any] = self.owner.post("pay-groups", body)
        return made

    def _make_plan(self) -> dict[str, Any]:
        since = (self.first - WEEK).isoformat()
        body = {"name": PLAN, "effective_from": since, "components": COMPONENTS}
        made: dict[str, Any] = self.owner.post("pay-plans", body)
        return made

    def _terms(self, driver: int, since: date, signed: bool) -> dict[str, Any]:
        signed_on = {"evidence": f"signed paper in folder {driver}"} if signed else {}
        return {
            **signed_on,
            "driver": driver,
            "valid_from": since.isoformat(),
            "rent": {"amount": RENT, "currency": self.currency},
            "rent_per": "work_day",
            "text": "58 % of fares, at least 70.00 an hour, tips in full; rent for days worked.",
        }

    def adjust(self, bonus: int, asking: int, on: date) -> None:
        """A bonus that stands out in the review, and a request that nobody has decided."""
        if self.accountant.get("adjustments", page_size=1)["results"]:
            return
        wanted = (
            (bonus, "bonus", "4500.00", "Brought two new drivers"),
            (asking, "reimbursement", "180.00", "Car wash, receipt 4471"),
        )
        asked = [
            self.accountant.post(
                "adjustments",
                {
                    "driver": driver,
                    "kind": kind,
                    "amount": {"amount": amount, "currency": self.currency},
                    "due_on": on.isoformat(),
                    "reason": reason,
                },
            )
            for driver, kind, amount, reason in wanted
        ]
        self.owner.post(f"adjustments/{asked[0]['id']}/approve", {})

    # --- Batches ---------------------------------------------------------------------------------
    def pay_weeks(self, group: int, weeks: list[date]) -> None:
        """A batch for each week, in order; all but the last are approved, paid and compared."""
        account = self._account()
        batches = self.owner.each("payment-batches")
        known = {row["period_starts_on"]: row for row in batches if row["pay_group"] == group}
        for week in weeks:
            batch = known.get(week.isoformat()) or self._open(group, week)
            if batch["status"] in ("draft", "calculating"):
                batch = self._calculate(batch)
            if week != weeks[-1] and batch["status"] in ("in_review", "approved", "paying"):
                if week == weeks[-2]:
                    self._refuse_one()
                self._pay(batch["id"], batch["status"], account)
        if weeks[0].isoformat() not in known:
            self.accountant.post(f"funding-accounts/{account}/reconcile")

    def _account(self) -> int:
        """The account at the bank: proposed by one, activated by the other."""
        accounts = list(self.accountant.each("funding-accounts"))
        found = [row for row in accounts if row["endpoint"] == self.bank.url]
        account = found[0] if found else self._propose_account(len(accounts) + 1)
        if account["status"] != "active":
            self.owner.post(f"funding-accounts/{account['id']}/activate", {})
        return int(account["id"])

    def _propose_account(self, number: int) -> dict[str, Any]:
        body = {"endpoint": self.bank.url, "secret": self.bank.token}
        name = "House bank" if number == 1 else f"House bank {number}"
        made: dict[str, Any] = self.accountant.post("funding-accounts", {**body, "name": name})
        return made

    def _open(self, group: int, week: date) -> dict[str, Any]:
        made: dict[str, Any] = self.accountant.post(
            "payment-batches",
            {
                "pay_group": group,
                "period_starts_on": week.isoformat(),
                "period_ends_on": (week + WEEK).isoformat(),
            },
        )
        return made

    def _calculate(self, batch: dict[str, Any]) -> dict[str, Any]:
        if batch["status"] == "draft":
            self.accountant.post(f"payment-batches/{batch['id']}/calculate")
        return self._until(batch["id"], lambda row: row["status"] == "in_review")

    def _refuse_one(self) -> None:
        """Have the bank refuse the next payout: that happens, and somebody has to look."""
        httpx.put(
            f"{self.bank.url}/faults",
            headers={"Authorization": f"Bearer {self.bank.token}"},
            json={"next": ["refuse"]},
            timeout=10,
        ).raise_for_status()

    def _pay(self, batch: int, status: str, account: int) -> None:
        path = f"payment-batches/{batch}"
        if status == "in_review":
            self.owner.post(f"{path}/approve", {"funding_account": account})
        self._until(batch, lambda row: row["posted_at"] is not None)
        if status != "paying":
            self.accountant.post(f"{path}/pay", {})
        self._until(batch, lambda row: row["status"] in ("paid", "partly_paid"))

    def _until(self, batch: int, good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while not good(row := self.accountant.get(f"payment-batches/{batch}")):
            time.sleep(1)
        return dict(row)
