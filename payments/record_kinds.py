"""Adjustments as other systems put them: by their own key and in bulk.

What was asked for is never changed: putting the same again finds it, anything else is refused.
"""

from typing import Any

from fleets.models import FleetProvider
from payments import services
from payments.errors import CurrencyMismatch
from payments.models import Adjustment
from payments.serializers.plans import AdjustmentInputSerializer
from voltop.context import Actor
from voltop.records import RecordKind


def in_own_currency(provider: FleetProvider, values: dict[str, Any], name: str) -> dict[str, Any]:
    """The values with the amount alone. Raises CurrencyMismatch (400)."""
    if values[name].currency != provider.currency:
        raise CurrencyMismatch(field=name, expected=provider.currency)
    return {**values, name: values[name].amount}


def _create(provider: FleetProvider, actor: Actor, values: dict[str, Any]) -> Adjustment:
    return services.request_adjustment(actor=actor, **in_own_currency(provider, values, "amount"))


def _update(adjustment: Adjustment, actor: Actor, values: dict[str, Any]) -> Adjustment:
    given = in_own_currency(adjustment.provider, values, "amount")
    return services.require_same_adjustment(adjustment, actor=actor, **given)


ADJUSTMENTS = RecordKind(
    name="adjustments",
    model=Adjustment,
    new=AdjustmentInputSerializer,
    change=AdjustmentInputSerializer,
    create=_create,
    update=_update,
    add_permission="payments.add_adjustment",
    change_permission="payments.add_adjustment",
)


def adjustments() -> RecordKind:
    return ADJUSTMENTS
