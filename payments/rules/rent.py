"""Rent of a vehicle: what terms take for the days of a window."""

from enum import StrEnum

from payments.rules.amounts import half_even

WEEK_DAYS = 7


class RentPer(StrEnum):
    """`day`: every day under the terms; `work_day`: days with a shift; `week`: seven days' price,
    a part of a week by days."""

    DAY = "day"
    WORK_DAY = "work_day"
    WEEK = "week"


def rent(per: RentPer, amount: int, *, days: int, work_days: int) -> int:
    """The rent (a positive amount) of `days` days under the terms, `work_days` of them worked."""
    if per == RentPer.DAY:
        return amount * days
    if per == RentPer.WORK_DAY:
        return amount * work_days
    return half_even(amount * days, WEEK_DAYS)
