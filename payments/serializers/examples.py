"""Example values of pay for the API's description: sums that add up, as those of life do.

Somebody earned 1,850.00, had 120.00 of tolls paid back, holds 310.00 in cash and owes 400.00 of
rent: 1,260.00 are paid. Not here: what is not money (`voltop.api.examples`).
"""

from typing import Any


def mxn(amount: str) -> dict[str, str]:
    """Money as the API shows it."""
    return {"amount": amount, "currency": "MXN"}


def _line(position: int, category: str, key: str, amount: str, **values: Any) -> dict[str, Any]:
    return {
        "id": 100 + position,
        "payment": 1,
        "position": position,
        "category": category,
        "key": key,
        "terms": 1,
        "window_starts_on": "2026-03-02",
        "window_ends_on": "2026-03-09",
        "quantity": None,
        "unit": "",
        "rate": "",
        "paid_before": mxn("0.00"),
        "amount": mxn(amount),
        "adjustment": None,
        "carried_from": None,
        "evidence": {},
    } | values


LINES = [
    _line(1, "earning", "hourly", "1500.00", quantity=108_000, unit="s", rate="50.00"),
    _line(2, "earning", "distance", "350.00", quantity=175_000, unit="m", rate="2.00"),
    _line(3, "reimbursement", "tolls", "120.00", terms=None, adjustment=7),
    _line(4, "cash", "cash", "-310.00", terms=None),
    _line(5, "rent", "rent", "-400.00", quantity=1, unit="week", rate="400.00"),
]
PAYMENT = {
    "earnings": mxn("1850.00"),
    "reimbursements": mxn("120.00"),
    "cash": mxn("310.00"),
    "deductions": mxn("400.00"),
    "net": mxn("1260.00"),
    "carried": mxn("0.00"),
    "payable": mxn("1260.00"),
    "previous_payable": mxn("1140.00"),
    "exceptions": [],
    "flags": [],
}
BATCH = {
    "drivers": 1,
    "exceptions": 0,
    "payable": PAYMENT["payable"],
    "carried": PAYMENT["carried"],
}
BALANCE = {"owed": mxn("1260.00"), "debt": mxn("0.00"), "under_way": mxn("1260.00")}
POSTINGS = [
    {"leg": 1, "account": 1, "amount": mxn("1850.00"), "category": "earning"},
    {"leg": 2, "account": 2, "amount": mxn("-1850.00"), "category": "earning"},
]
TRIAL = {
    "rows": [
        {"kind": "wages", "accounts": 1, "balance": mxn("1850.00")},
        {"kind": "driver", "accounts": 1, "balance": mxn("-1850.00")},
    ],
    "entries": 1,
    "sum": mxn("0.00"),
}
