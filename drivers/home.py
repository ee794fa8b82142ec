"""Drivers' part of the first page and of the inbox."""

from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from drivers.duplicates import likely_duplicates
from drivers.models import DocumentStatus, Driver, DriverDocument, DriverStatus, PayoutAccount
from voltop import clock
from voltop.home import Figure, Work

LIST = "/admin/drivers/driver/"
PAPERS = "/admin/drivers/driverdocument/"


def work() -> list[Work]:
    """Drivers and papers that wait for staff, and accounts changed within the last day."""
    return [
        Work(
            "drivers.onboard",
            _("Drivers to onboard"),
            partial(_drivers, status=DriverStatus.ONBOARDING),
            f"{LIST}funnel/",
            "drivers.change_driver",
            icon="person_add",
        ),
        Work(
            "drivers.likely_duplicate",
            _("Drivers who may be there twice"),
            lambda provider_id: likely_duplicates(Driver.objects.seen_from(provider_id)),
            LIST,
            "drivers.change_driver",
            urgency="later",
            icon="group",
            done_by_hand=True,
        ),
        Work(
            "drivers.settle",
            _("Drivers leaving: to settle"),
            partial(_drivers, status=DriverStatus.LEAVING),
            f"{LIST}?status__exact=leaving",
            "drivers.change_driver",
            icon="person_remove",
        ),
        Work(
            "drivers.review_document",
            _("Papers to review"),
            partial(_documents, status=DocumentStatus.PENDING),
            f"{PAPERS}?status__exact=pending",
            "drivers.review_driverdocument",
            icon="id_card",
        ),
        Work(
            "drivers.document_run_out",
            _("Papers that have run out"),
            _run_out,
            f"{PAPERS}?status__exact=expired",
            "drivers.change_driverdocument",
            icon="event_busy",
            done_by_hand=True,
        ),
        Work(
            "drivers.payout_account_on_hold",
            _("Payout accounts on hold after a change"),
            _held_accounts,
            "/admin/drivers/payoutaccount/",
            "drivers.view_payoutaccount",
            urgency="later",
            icon="account_balance",
            done_by_hand=True,
        ),
    ]


def _drivers(provider_id: int | None, *, status: str) -> QuerySet[Any]:
    return Driver.objects.seen_from(provider_id).filter(status=status)


def _documents(provider_id: int | None, *, status: str) -> QuerySet[Any]:
    found = DriverDocument.objects.seen_from(provider_id).filter(status=status)
    return found.exclude(driver__status=DriverStatus.TERMINATED)


def _run_out(provider_id: int | None) -> QuerySet[Any]:
    """Papers of people who drive, and nothing newer of the kind in sight."""
    newer = DriverDocument.objects.filter(
        driver=OuterRef("driver"),
        kind=OuterRef("kind"),
        status__in=(DocumentStatus.PENDING, DocumentStatus.APPROVED),
    )
    expired = _documents(provider_id, status=DocumentStatus.EXPIRED)
    return expired.filter(~Exists(newer), driver__status=DriverStatus.ACTIVE)


def _held_accounts(provider_id: int | None) -> QuerySet[Any]:
    current = PayoutAccount.objects.seen_from(provider_id).current()
    return current.filter(hold_until__gt=clock.now())


def figures(provider_id: int | None) -> list[Figure]:
    """How many drivers may work."""
    drivers = Driver.objects.counted_for(provider_id)
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
