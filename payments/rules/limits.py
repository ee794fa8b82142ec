"""What may be withheld from a payment; the rest is carried over to the next one.

A net never goes below zero. Cash that the driver already holds settles against everything.
Deductions (rent, damages, fines, advances, what earlier payments carried over) may take at most
the cap's share of earnings. The cap is the provider's policy, seeded from its country pack.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settlement:
    """All in smallest money units. payable = net + carried; both payable and carried are ≥ 0."""

    net: int
    carried: int
    payable: int


def settle(
    *, earnings: int, reimbursements: int, cash: int, deductions: int, cap_pct: int
) -> Settlement:
    """What is paid now and what is carried over.

    earnings may be negative (a correction); the others are not. cap_pct is 0 to 100: deductions
    take at most that share of the earnings, rounded down in the driver's favour.
    """
    if min(reimbursements, cash, deductions) < 0 or not 0 <= cap_pct <= 100:
        raise ValueError("reimbursements, cash and deductions are not negative; the cap is a %")
    before = earnings + reimbursements - cash
    cap = max(0, earnings) * cap_pct // 100
    withheld = min(deductions, cap, max(0, before))
    payable = max(0, before) - withheld
    net = before - deductions
    return Settlement(net=net, carried=payable - net, payable=payable)
