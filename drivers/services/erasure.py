"""Erasing somebody who drove: what tells who they were, at one company, for good.

What the books need stays: numbers of rows, times, amounts, states. Messages and timelines are never
changed. Not here: how it outlives a restored backup (`voltop.erasures`).
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from drivers.errors import DriverBlocked, DriverNotGone, NotConfirmed
from drivers.models import (
    Driver,
    DriverDocument,
    DriverStatus,
    FaceCheck,
    FaceTemplate,
    PayoutAccount,
)
from drivers.numbers import subject_of
from drivers.services.drivers import locked_with_user, open_matters
from fleets import audit
from fleets.services import invitations, people, second_factor
from voltop import clock, crypto, erasures
from voltop.context import Actor
from voltop.errors import given_reason
from voltop.tables import StoredFile

ERASED = "Erased"
PERSON: dict[str, Any] = {
    "given_name": ERASED,
    "family_name": "",
    "employee_number": "",
    "phone": "",
    "email": "",
    "identity_sealed": b"",
    "identity_fingerprint": None,
    "birth_date": None,
    "emergency_contact_name": "",
    "emergency_contact_phone": "",
}
ACCOUNT: dict[str, Any] = {
    "holder_name": ERASED,
    "holder_tax_sealed": b"",
    "holder_tax_mask": "",
    "mask": "",
    "details": b"",
    "fingerprint": None,
}
PAPER: dict[str, Any] = {"number_sealed": b"", "number_mask": "", "fingerprint": None}


def erase_driver(
    driver: Driver, *, actor: Actor, reason: str, at: datetime | None = None
) -> Driver:
    """Erase a former driver: their key is destroyed, their rows emptied, their log-in ended.

    The log-in lives on where the person works elsewhere, or is a member. Not to be called in a
    transaction: the note that makes it outlive a restore comes first. Repeated, nothing happens.
    Raises ReasonRequired (400), DriverNotGone, DriverBlocked (409).
    """
    at, reason = at or clock.now(), given_reason(reason)
    actor.require_same_provider(driver)
    driver.refresh_from_db()
    if is_erased(driver):
        return driver
    require_gone(driver)
    erasures.write_note(driver, at)
    return _erase(driver, actor, reason, at)


def require_gone(driver: Driver) -> None:
    """They left for good and nothing is open. Raises DriverNotGone, DriverBlocked (409)."""
    if driver.status != DriverStatus.TERMINATED:
        raise DriverNotGone(status=driver.status)
    if blockers := open_matters(driver):
        raise DriverBlocked(blockers=blockers)


def erase_by_hand(
    driver: Driver, *, actor: Actor, reason: str, name: str, at: datetime | None = None
) -> Driver:
    """As `erase_driver`, by a person who typed the driver's name and just showed a second factor.

    Raises FreshSecondFactorRequired (403), NotConfirmed (400), and what `erase_driver` raises.
    """
    at = at or clock.now()
    actor.require_same_provider(driver)
    second_factor.require_shown(actor, at=at)
    if " ".join(name.split()).casefold() != " ".join(driver.name.split()).casefold():
        raise NotConfirmed(field="name")
    return erase_driver(driver, actor=actor, reason=reason, at=at)


def is_erased(driver: Driver) -> bool:
    """Whether the driver's key is destroyed: from then on nothing is kept under it again."""
    keys = crypto.SubjectKey.objects.filter(destroyed_at__isnull=False)
    return keys.filter(subject=subject_of(driver.pk), provider_id=driver.provider_id).exists()


def note_is_done(note: erasures.Note) -> bool:
    """Whether this database holds nothing more of a noted driver, or never did."""
    driver = _noted(note)
    return driver is None or is_erased(driver)


def erase_noted(note: erasures.Note) -> None:
    """Erase a driver whom a restore brought back, whatever state that has them in."""
    driver = _noted(note)
    if driver is not None and not is_erased(driver):
        actor = Actor.system("drivers.erase_again", driver.provider_id)
        _erase(driver, actor, f"erased on {note.erased_at[:10]}, then restored", clock.now())


def _noted(note: erasures.Note) -> Driver | None:
    """The very row: a number given out anew after a restore is another driver's."""
    born = datetime.fromisoformat(note.made_at)
    rows = Driver.objects.for_provider(note.provider_id)
    return rows.filter(pk=note.object_id, created_at=born).first()


@transaction.atomic
def _erase(driver: Driver, actor: Actor, reason: str, at: datetime) -> Driver:
    driver = locked_with_user(driver)
    subject, provider_id = subject_of(driver.pk), driver.provider_id
    crypto.destroy(subject, provider_id)
    Driver.objects.filter(pk=driver.pk).update(**PERSON)
    accounts = PayoutAccount.objects.for_provider(provider_id).filter(driver=driver)
    accounts.current().update(retired_at=at)
    accounts.update(**ACCOUNT)
    papers = DriverDocument.objects.for_provider(provider_id).filter(driver=driver)
    papers.update(**PAPER)
    papers.exclude(refusal="").update(refusal=ERASED)
    FaceTemplate.objects.for_provider(provider_id).filter(driver=driver).delete()
    checks = FaceCheck.objects.for_provider(provider_id).filter(driver=driver)
    checks.update(image_hash=None)
    checks.exclude(reason="").update(reason=ERASED)
    StoredFile.objects.for_provider(provider_id).filter(subject=subject).update(name=ERASED)
    _forget_log_in(driver, actor, at)
    audit.record("driver.erased", driver, actor=actor, at=at, reason=reason)
    driver.refresh_from_db()
    return driver


def _forget_log_in(driver: Driver, actor: Actor, at: datetime) -> None:
    """End the person's log-in, unless they have a record of their own at another company.

    A record there that they have not taken up gets a new one, by the names that it gives itself.
    """
    others = Driver.objects.unscoped().of_user(driver.user_id).exclude(pk=driver.pk)
    standing = [other for other in others.select_related("provider") if not is_erased(other)]
    if any(other.joined_at for other in standing):
        return
    waiting = [other for other in standing if other.status != DriverStatus.TERMINATED]
    names = {name for other in waiting for name in (other.email, other.phone)}
    called = waiting[0].name if waiting else ""
    new = people.forget_user(driver.user, actor=actor, names=names, full_name=called, at=at)
    if new is None:
        return
    for other in waiting:
        Driver.objects.filter(pk=other.pk).update(user=new)
        invitations.invite(new, other.provider, actor=actor, at=at)
