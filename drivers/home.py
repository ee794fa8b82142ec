"""Drivers' part of the first page and of the inbox."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from drivers.duplicates import likely_duplicates
from drivers.models import (
    DocumentStatus,
    Driver,
    DriverDocument,
    DriverStatus,
    FaceCheck,
    FaceResult,
    PayoutAccount,
)
from drivers.services import erasure_terms
from drivers.services.faces import ATTEMPTS
from voltop import clock
from voltop.home import Figure, Work

LIST = "/admin/drivers/driver/"
PAPERS = "/admin/drivers/driverdocument/"
FACES = "/admin/drivers/facecheck/"
FACE_CHECKS_WITHIN = timedelta(days=3)


def work() -> list[Work]:
    """Drivers, papers and faces that wait for staff; accounts changed within the last day."""
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
        _erasures(),
        *_of_faces(),
    ]


def _erasures() -> Work:
    return Work(
        erasure_terms.WORK,
        _("Drivers who left and will be erased"),
        lambda provider_id: erasure_terms.due_soon(
            Driver.objects.seen_from(provider_id), clock.now()
        ),
        f"{LIST}?status__exact=terminated",
        "drivers.erase_driver",
        urgency="later",
        icon="person_off",
    )


def _of_faces() -> list[Work]:
    return [
        Work(
            "drivers.face_refused",
            _("Drivers whose face was not recognised"),
            partial(_face_checks, result=FaceResult.FAILED, attempt__gte=ATTEMPTS),
            f"{FACES}?result__exact=failed",
            "drivers.set_aside_facecheck",
            icon="no_accounts",
            done_by_hand=True,
        ),
        Work(
            "drivers.face_unchecked",
            _("Face checks that could not be made"),
            partial(_face_checks, result=FaceResult.UNAVAILABLE),
            f"{FACES}?result__exact=unavailable",
            "drivers.set_aside_facecheck",
            urgency="later",
            icon="visibility_off",
            done_by_hand=True,
        ),
        Work(
            "drivers.face_anew",
            _("Faces enrolled anew after they were deleted"),
            lambda provider_id: Driver.objects.seen_from(provider_id).filter(
                face_template__anew=True
            ),
            LIST,
            "drivers.set_aside_facecheck",
            urgency="later",
            icon="face",
            done_by_hand=True,
        ),
    ]


def _face_checks(provider_id: int | None, **which: Any) -> QuerySet[Any]:
    """Those of the last days; what is older helps nobody."""
    since = clock.now() - FACE_CHECKS_WITHIN
    return FaceCheck.objects.seen_from(provider_id).filter(at__gt=since, **which)


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
