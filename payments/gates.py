"""What payments has to say before a shift starts: a driver who owes too much starts none."""

from datetime import datetime

from drivers.models import Driver
from fleets.models import FleetPolicy
from payments.errors import DebtLimit
from payments.selectors import balance_of
from shifts.gates import Refusal
from vehicles.models import Vehicle
from voltop.money import shown


def debt_limit(driver: Driver, vehicle: Vehicle | None, at: datetime) -> list[Refusal]:
    """The company's `debt_block_amount`, where it has one; staff may override it."""
    policies = FleetPolicy.objects.filter(provider_id=driver.provider_id)
    limit = policies.values_list("debt_block_amount", flat=True).get()
    if limit is None:
        return []
    balance = balance_of(driver)
    if balance.debt_amount <= limit:
        return []
    debt = shown(balance.debt_amount, balance.currency)
    error = DebtLimit(debt_amount=debt, currency=balance.currency)
    return [Refusal(error, overridable=True)]
