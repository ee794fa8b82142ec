"""What payments shows beside a driver's conversation, and where to go on from there."""

from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from fleets.admin.shown import money
from payments.models import Payment
from payments.selectors import balance_of
from voltop.cards import Card, QuickAction


def money_of_driver(driver: Driver, provider_id: int | None) -> Card:
    """The balance, and the last payment that was approved."""
    balance = balance_of(driver)
    parts = (
        (_("owed to the driver"), balance.owed_amount),
        (_("owed by the driver"), balance.debt_amount),
        (_("under way"), balance.under_way_amount),
    )
    lines: list[tuple[Any, Any]] = [
        (words, _with_currency(amount, balance.currency)) for words, amount in parts if amount
    ]
    approved = Payment.objects.for_provider(driver.provider_id).filter(driver=driver)
    last = approved.filter(approved_at__isnull=False).order_by("-period_ends_on", "-pk").first()
    if last is None:
        lines.append((_("last payment"), _("none")))
        return Card(_("Money"), lines, "payments.view_payment", "payments")
    lines += [
        (_("last payment"), _with_currency(last.payable_amount, last.currency)),
        (_("period from"), date_format(last.period_starts_on)),
        (_("state"), last.get_status_display()),
    ]
    url = f"/admin/payments/payment/{last.pk}/change/"
    return Card(_("Money"), lines, "payments.view_payment", "payments", url)


def actions_of_driver(driver: Driver, provider_id: int | None) -> list[QuickAction]:
    """Ask for an adjustment, on its own page: kind and amount are to be told."""
    link = f"{reverse('admin:payments_adjustment_add')}?driver={driver.pk}"
    name, permission = "payments.adjust", "payments.add_adjustment"
    return [QuickAction(name, _("Open an adjustment"), permission, link=link)]


def _with_currency(amount: Decimal, currency: str) -> str:
    return f"{money(amount, currency)} {currency}"
