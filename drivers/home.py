"""Drivers' part of the first page."""

from django.utils.translation import gettext_lazy as _

from drivers.models import Driver, DriverStatus, PayoutAccount
from voltop import clock
from voltop.home import Figure, Task

LIST = "/admin/drivers/driver/"


def tasks(provider_id: int | None) -> list[Task]:
    """Drivers who wait for staff, and accounts changed within the last day."""
    drivers = Driver.objects.seen_from(provider_id)
    accounts = PayoutAccount.objects.seen_from(provider_id).current()
    held = accounts.filter(hold_until__gt=clock.now()).count()
    return [
        Task(
            _("Drivers to onboard"),
            drivers.filter(status=DriverStatus.ONBOARDING).count(),
            f"{LIST}?status__exact=onboarding",
            "drivers.change_driver",
            icon="person_add",
        ),
        Task(
            _("Drivers leaving: to settle"),
            drivers.filter(status=DriverStatus.LEAVING).count(),
            f"{LIST}?status__exact=leaving",
            "drivers.change_driver",
            icon="person_remove",
        ),
        Task(
            _("Payout accounts on hold after a change"),
            held,
            "/admin/drivers/payoutaccount/",
            "drivers.view_payoutaccount",
            urgency="later",
            icon="account_balance",
        ),
    ]


def figures(provider_id: int | None) -> list[Figure]:
    """How many drivers may work."""
    drivers = Driver.objects.seen_from(provider_id)
    active = drivers.filter(status=DriverStatus.ACTIVE).count()
    return [
        Figure(
            _("Active drivers"),
            str(active),
            f"{LIST}?status__exact=active",
            "drivers.view_driver",
            icon="group",
        )
    ]
