"""Drivers' papers: handed in within quotas, judged by a person, run out by the calendar."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from drivers.errors import (
    DocumentKnown,
    DocumentRunOut,
    DriverNotActive,
    FilesFull,
    InvalidDocumentDates,
    OwnDocument,
    PapersMissing,
    TooManyFiles,
)
from drivers.models import (
    DOCUMENT_MACHINE,
    DocumentStatus,
    Driver,
    DriverDocument,
    DriverStatus,
)
from drivers.numbers import compact, mask, seal, subject_of, unseal
from drivers.papers import Standing, is_complete, standings, today_at
from drivers.services.drivers import activate_driver
from fleets import audit
from fleets.errors import UnknownCountry
from fleets.iso3166 import ALPHA_2
from fleets.models import BEGINNING
from fleets.services.notices import notify
from voltop import clock, crypto, events, files
from voltop.context import Actor
from voltop.errors import NotFound, given_reason

MAX_FILES_PER_HOUR = 20
MAX_BYTES_PER_DRIVER = 200_000_000
HOUR = timedelta(hours=1)
CORRECTABLE = {"kind", "country", "number", "categories", "issued_on", "expires_on"}


@transaction.atomic
def hand_in_document(
    driver: Driver,
    *,
    actor: Actor,
    kind: str,
    file: files.Prepared | None,
    number: str = "",
    at: datetime | None = None,
    **values: Any,
) -> DriverDocument:
    """A paper to be reviewed, by the driver or for them. Twenty files an hour, 200 MB in all.

    Values: country, categories, issued_on, expires_on. The paper before stays what it is: who
    renews in time has no gap. Without a file it was read from another register, where the same
    number comes once.
    Raises UnknownCountry, InvalidDocumentDates (400), FilesFull (413), TooManyFiles (429),
    DriverNotActive (409) for somebody who has left, DocumentRunOut, DocumentKnown,
    KeyDestroyed (409).
    """
    at = at or clock.now()
    actor.require_same_provider(driver)
    if driver.status == DriverStatus.TERMINATED:
        raise DriverNotActive(driver=driver.pk, status=driver.status)
    today = today_at(driver.provider, at)
    _require_sane(values, today)
    if _has_run_out(values.get("expires_on"), today):
        raise DocumentRunOut(field="expires_on")
    document = DriverDocument(provider_id=driver.provider_id, driver=driver, kind=kind, **values)
    if file is not None:
        document.file = keep_file(driver, file=file, at=at)
    else:
        _require_new(document, number)
        document.save(force_insert=True)  # its key is what the sealed number is bound to
    _set_number(document, number)
    document.save()
    DOCUMENT_MACHINE.open(document, actor=actor, at=at)
    document.refresh_from_db()
    return document


@transaction.atomic
def correct_document(
    document: DriverDocument, *, actor: Actor, at: datetime | None = None, **values: Any
) -> DriverDocument:
    """Put right what was written down of a paper; audited, the number encrypted.

    A last day that was wrong takes effect at once: a paper that had run out by it is approved
    again, an approved one may run out. Raises UnknownCountry, InvalidDocumentDates (400),
    OwnDocument (403).
    """
    at = at or clock.now()
    if unknown := values.keys() - CORRECTABLE:
        raise TypeError(f"not correctable: {sorted(unknown)}")
    document = _locked(document, actor)
    today = today_at(document.driver.provider, at)
    changes = dict(audit.diff(document, {k: v for k, v in values.items() if k != "number"}))
    dates = {"issued_on": document.issued_on, "expires_on": document.expires_on}
    _require_sane({**dates, **values}, today)
    if "number" in values and values["number"] != number_of(document, actor=actor):
        before = number_of(document, actor=actor)
        changes["number"] = (audit.Personal(before), audit.Personal(values["number"]))
    if not changes:
        return document
    for name in changes.keys() - {"number"}:
        setattr(document, name, values[name])
    if "number" in changes:
        _set_number(document, values["number"])
    written = [name for name in changes if name != "number"]
    written += ["number_sealed", "number_mask", "fingerprint"] if "number" in changes else []
    document.save(update_fields=written)
    subject = subject_of(document.driver_id)
    audit.record(
        "driver_document.corrected", document, actor=actor, at=at, changes=changes, subject=subject
    )
    document.refresh_from_db()
    events.publish_change(
        document,
        "driver_document.corrected",
        actor=actor,
        at=at,
        changed=changes,
        ids=("driver",),
    )
    _follow_calendar(document, actor, at, today)
    activate_when_complete(document.driver, actor=actor, at=at)
    document.refresh_from_db()
    return document


@transaction.atomic
def approve_document(
    document: DriverDocument, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> DriverDocument:
    """Pending → approved. With the last demanded paper an onboarding driver becomes active.

    Raises IllegalMove, DocumentRunOut (409), OwnDocument (403).
    """
    at = at or clock.now()
    document = _locked(document, actor)
    DOCUMENT_MACHINE.move(
        document, "approved", actor=actor, at=at, reason=reason, only_from={"pending"}
    )
    if _has_run_out(document.expires_on, today_at(document.driver.provider, at)):
        raise DocumentRunOut(expires_on=str(document.expires_on))
    activate_when_complete(document.driver, actor=actor, at=at)
    document.refresh_from_db()
    return document


@transaction.atomic
def reject_document(
    document: DriverDocument, *, actor: Actor, reason: str, at: datetime | None = None
) -> DriverDocument:
    """Pending or approved → rejected, with a reason that the driver is told; audited by the event.

    A running shift goes on; what is missing now stops the next start.
    Raises ReasonRequired (400), IllegalMove (409), OwnDocument (403).
    """
    at, reason = at or clock.now(), given_reason(reason)
    document = _locked(document, actor)
    DOCUMENT_MACHINE.move(
        document, "rejected", actor=actor, at=at, reason=reason, refusal=reason[:500]
    )
    params = {"paper": str(document.kind), "reason": reason[:500]}
    notify(document.driver.user, "drivers.document_rejected", params, about=document, at=at)
    document.refresh_from_db()
    return document


@transaction.atomic
def activate_when_complete(
    driver: Driver, *, actor: Actor, at: datetime | None = None
) -> Driver | None:
    """Onboarding → active once all demanded papers are approved; None where that is not so.

    Where a company demands no papers, staff activate; a suspended one begins nothing.
    """
    at = at or clock.now()
    driver = Driver.objects.select_for_update(no_key=True).get(pk=driver.pk)
    waits = driver.status == DriverStatus.ONBOARDING and driver.provider.status in BEGINNING
    if not waits or not is_complete(driver, at):
        return None
    driver = activate_driver(driver, actor=actor, reason="papers complete", at=at)
    notify(driver.user, "drivers.activated", {}, about=driver, at=at)
    return driver


def require_papers(driver: Driver, demanded: Sequence[str], on: date) -> None:
    """Guard of every start: all demanded papers hold on that local day. Raises PapersMissing."""
    lacking = [each for each in standings(driver, demanded, on) if not each.holds]
    if lacking:
        raise PapersMissing(papers=[_told(each) for each in lacking])


def number_of(document: DriverDocument, *, actor: Actor) -> str:
    """The paper's number in clear, for whoever may see a driver's identity.

    Raises KeyDestroyed (409) after the driver's erasure.
    """
    actor.require_same_provider(document)
    sealed = bytes(document.number_sealed)
    return unseal(document.driver_id, document.provider_id, _context(document), sealed)


@transaction.atomic
def open_file(
    document: DriverDocument, *, actor: Actor, at: datetime | None = None
) -> files.StoredFile:
    """The paper's file, to be shown to this person; that somebody else's was seen is audited.

    Raises NotFound (404) for a paper without one.
    """
    actor.require_same_provider(document)
    if document.file_id is None:
        raise NotFound()
    if actor.kind != "user" or actor.id != document.driver.user_id:
        audit.record("driver_document.seen", document, actor=actor, at=at or clock.now())
    return files.StoredFile.objects.defer("sealed").get(pk=document.file_id)


def expire(document: DriverDocument, *, actor: Actor, at: datetime) -> None:
    """Approved → expired, in the caller's transaction; the driver is told."""
    reason = f"valid until {document.expires_on}"
    DOCUMENT_MACHINE.move(document, "expired", actor=actor, at=at, reason=reason)
    params = {"paper": str(document.kind), "expired_on": str(document.expires_on)}
    once = str(document.expires_on)
    notify(
        document.driver.user,
        "drivers.document_expired",
        params,
        about=document,
        once=once,
        at=at,
    )


def _follow_calendar(document: DriverDocument, actor: Actor, at: datetime, today: date) -> None:
    """Bring an approved or expired paper in line with its last day."""
    run_out = _has_run_out(document.expires_on, today)
    if document.status == DocumentStatus.EXPIRED and not run_out:
        DOCUMENT_MACHINE.move(document, "approved", actor=actor, at=at, reason="last day corrected")
    elif document.status == DocumentStatus.APPROVED and run_out:
        expire(document, actor=actor, at=at)


def _locked(document: DriverDocument, actor: Actor) -> DriverDocument:
    """The paper, locked after its driver. Raises OwnDocument where the actor is that driver."""
    actor.require_same_provider(document)
    driver = Driver.objects.select_for_update(no_key=True).get(pk=document.driver_id)
    if actor.kind == "user" and actor.id == driver.user_id:
        raise OwnDocument()
    rows = DriverDocument.objects.select_for_update(no_key=True)
    locked = rows.get(pk=document.pk)
    locked.driver = driver
    return locked


def keep_file(driver: Driver, *, file: files.Prepared, at: datetime) -> files.StoredFile:
    """A file about a driver, under their key, in the caller's transaction: twenty an hour, 200 MB.

    Raises FilesFull (413), TooManyFiles (429), KeyDestroyed (409).
    """
    subject = subject_of(driver.pk)
    _require_room(driver, subject, len(file.content), at)
    return files.keep(file, subject=subject, provider_id=driver.provider_id, at=at)


def _require_room(driver: Driver, subject: str, size: int, at: datetime) -> None:
    """Under the driver's lock, so that parallel uploads count one another."""
    Driver.objects.select_for_update(no_key=True).get(pk=driver.pk)
    recent = files.kept_since(subject, driver.provider_id, at - HOUR)
    if len(recent) >= MAX_FILES_PER_HOUR:
        free_at = recent[-MAX_FILES_PER_HOUR] + HOUR
        wait_s = max(1, round((free_at - at).total_seconds()))
        raise TooManyFiles(retry_after_s=wait_s, limit=MAX_FILES_PER_HOUR)
    held = files.held_bytes(subject, driver.provider_id)
    if held + size > MAX_BYTES_PER_DRIVER:
        raise FilesFull(held_bytes=held, limit_bytes=MAX_BYTES_PER_DRIVER)


def _require_new(document: DriverDocument, number: str) -> None:
    """Under the driver's lock: a row of a register that was read before is known by its number."""
    Driver.objects.select_for_update(no_key=True).get(pk=document.driver_id)
    same = DriverDocument.objects.for_provider(document.provider_id).filter(
        driver=document.driver_id,
        kind=document.kind,
        fingerprint=_fingerprint(document.kind, number),
        expires_on=document.expires_on,
    )
    if known := same.exclude(status=DocumentStatus.REJECTED).first():
        raise DocumentKnown(document=known.pk)


def _require_sane(values: dict[str, Any], today: date) -> None:
    country, issued, expires = (values.get(name) for name in ("country", "issued_on", "expires_on"))
    if country and country not in ALPHA_2:
        raise UnknownCountry(field="country")
    if issued is not None and issued > today:
        raise InvalidDocumentDates(field="issued_on")
    if issued is not None and expires is not None and expires <= issued:
        raise InvalidDocumentDates(field="expires_on")


def _has_run_out(expires_on: date | None, today: date) -> bool:
    return expires_on is not None and expires_on < today


def _set_number(document: DriverDocument, number: str) -> None:
    """Seal the number; equal ones of a kind have equal fingerprints, however they are written."""
    number = number.strip()
    document.number_sealed = seal(
        document.driver_id, document.provider_id, _context(document), number
    )
    document.number_mask = mask(number)
    document.fingerprint = _fingerprint(document.kind, number)


def _fingerprint(kind: str, number: str) -> bytes | None:
    told = f"{kind}|{compact(number)}"
    return crypto.fingerprint(told, "driver_document") if number.strip() else None


def _context(document: DriverDocument) -> str:
    own = document.file_id if document.file_id is not None else f"row-{document.pk}"
    return f"drivers_driverdocument|number|{own}"


def _told(standing: Standing) -> dict[str, Any]:
    expires = standing.expires_on
    return {
        "kind": standing.kind,
        "state": standing.state,
        "expires_on": expires.isoformat() if expires else None,
    }
