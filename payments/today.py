"""What of money stands in `me/today`: the balance, as `me/balance` tells it."""

from datetime import datetime
from typing import Any

from drivers.models import Driver
from payments.selectors import balance_of
from payments.serializers.payouts import BalanceSerializer
from voltop.api.fields import Money
from voltop.today import Part


def parts() -> list[Part]:
    return [Part("payments.view_own_payment", {"balance": BalanceSerializer}, _balance)]


def _balance(driver: Driver, at: datetime) -> dict[str, Any]:
    return {"balance": money_of(driver)}


def money_of(driver: Driver) -> dict[str, Any]:
    """What is owed, what is a debt, what is under way to the bank."""
    found = balance_of(driver)
    return {
        "owed": Money(found.owed_amount, found.currency),
        "debt": Money(found.debt_amount, found.currency),
        "under_way": Money(found.under_way_amount, found.currency),
    }
