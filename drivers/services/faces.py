"""Drivers' faces: enrolled with consent, compared one to one, set aside by staff, deleted for real.

Photos are decoded by `voltop.files`, looked at by the engine (`drivers.faces`), both in programs
apart and outside any transaction, and dropped. A template is sealed twice: under a key of its own,
which dies with it, and under the driver's, which dies with the driver.
"""

import struct
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import transaction

from drivers.errors import (
    DriverNotActive,
    FaceAttemptsUsedUp,
    FaceCheckRequired,
    FaceChecksOff,
    FaceConsentRequired,
    FaceEngineUnavailable,
    FaceNotEnrolled,
    FacePhotoRefused,
    FacePhotosDisagree,
    OwnFaceCheck,
)
from drivers.faces import DIMENSIONS, Face, consent, engine
from drivers.faces.judging import distance, mean_of, the_face
from drivers.faces.standing import face_needed
from drivers.models import (
    Driver,
    DriverStatus,
    FaceCheck,
    FacePurpose,
    FaceResult,
    FaceTemplate,
)
from drivers.numbers import subject_of
from fleets import audit, limits
from fleets.models import AuditEntry, FleetPolicy
from fleets.services.notices import notify
from voltop import clock, crypto, files
from voltop.context import Actor
from voltop.errors import DomainError, given_reason
from voltop.files.errors import FileTooLarge, UnsupportedFile

LOOKS = limits.Limit("face_looks", 20, timedelta(hours=1))
ATTEMPTS = 3
ATTEMPTS_WITHIN = timedelta(hours=1)
MAX_PHOTO_BYTES = 2_000_000
REPEATED_WITHIN = timedelta(minutes=10)
GONE = (DriverStatus.LEAVING, DriverStatus.TERMINATED)
_FLOATS = f"<{DIMENSIONS}d"


def prepare_photo(
    content: bytes, field: str = "photo", *, actor: Actor | None = None
) -> files.Prepared:
    """A photo as the engine may see it; seconds, and before any transaction.

    Raises what `files.prepare` raises (400, 413, 415, 503), with the field; a PDF is no photo.
    """
    try:
        if len(content) > MAX_PHOTO_BYTES:
            raise FileTooLarge(limit_bytes=MAX_PHOTO_BYTES)
        prepared = files.prepare(content, actor=actor)
        if prepared.content_type != "image/jpeg":
            raise UnsupportedFile()
    except DomainError as error:
        error.field = field
        raise
    return prepared


def enrol_face(
    driver: Driver,
    *,
    actor: Actor,
    consent_version: str,
    photos: Sequence[files.Prepared],
    at: datetime | None = None,
) -> FaceTemplate:
    """The driver's template, of 3 to 5 photos, with consent to the text of today.

    Who has one already replaces it, if the photos show the same person; else it is deleted first,
    and the next one is marked `anew` for staff to see. Photos are dropped.
    Raises FaceConsentRequired, FacePhotoRefused, FacePhotosDisagree (400), FaceChecksOff,
    DriverNotActive, KeyDestroyed (409), TooManyAttempts (429), FaceEngineUnavailable,
    FaceEngineBusy (503).
    """
    at = at or clock.now()
    actor.require_same_provider(driver)
    _require_wanted(driver)
    if consent_version != consent.VERSION:
        raise FaceConsentRequired(field="consent_version", version=consent.VERSION)
    limits.take(LOOKS, str(driver.pk), at=at)
    hashes = [_hash_of(photo) for photo in photos]
    for n, image_hash in enumerate(hashes):
        if image_hash in hashes[:n]:
            raise FacePhotoRefused(photo=n, reason="repeated")
    looking = engine()
    found = looking.look([photo.content for photo in photos])
    embedding = mean_of([the_face(faces, n) for n, faces in enumerate(found)])
    with transaction.atomic():
        driver = _locked(driver)
        template = FaceTemplate(
            provider_id=driver.provider_id,
            driver=driver,
            photos_hash=b"".join(hashes),
            model=looking.model,
            engine=looking.version,
            consent_version=consent_version,
            consented_at=at,
        )
        return _kept(template, embedding, actor=actor, at=at)


def check_face(
    driver: Driver,
    *,
    actor: Actor,
    photo: files.Prepared,
    purpose: FacePurpose = FacePurpose.SHIFT_START,
    at: datetime | None = None,
) -> FaceCheck:
    """Compare a selfie with the driver's template: passed, failed or unavailable, always a row.

    The same photo before the same start within ten minutes is the same check; later, at a log-in,
    or one of the enrolment, it is a failure. Three failures in a row within an hour, whatever for,
    end it until then, or until staff set it aside. A photo that cannot be judged is refused and is
    no failure. A template of another engine's makes a log-in `unavailable`, for want of a way in.
    Raises FacePhotoRefused (400), FaceNotEnrolled, DriverNotActive, KeyDestroyed (409),
    FaceAttemptsUsedUp, TooManyAttempts (429), FaceEngineBusy (503).
    """
    at = at or clock.now()
    actor.require_same_provider(driver)
    _require_staying(driver)
    template = _template_of(driver)
    limits.take(LOOKS, str(driver.pk), at=at)
    image_hash = _hash_of(photo)
    if (known := _known_check(template, image_hash, purpose, actor, at)) is not None:
        return known
    _next_attempt(driver, at)
    try:
        looking = engine()
        if purpose == FacePurpose.LOGIN and template.model != looking.model:
            raise FaceEngineUnavailable()
        [faces] = looking.look([photo.content])
    except FaceEngineUnavailable as error:
        values = {"result": FaceResult.UNAVAILABLE, "refusal": error.code}
        return _noted(driver, actor, at, purpose=purpose, **values)
    face = the_face(faces)
    with transaction.atomic():
        driver = _locked(driver)
        template = _template_of(driver)  # consent may have been withdrawn meanwhile
        if (known := _known_check(template, image_hash, purpose, actor, at)) is not None:
            return known
        if template.model != looking.model:
            raise FaceNotEnrolled()
        values = _compared(template, face, image_hash, looking.version)
        return _noted(driver, actor, at, purpose=purpose, **values)


@transaction.atomic
def set_aside_face_check(
    driver: Driver,
    *,
    actor: Actor,
    reason: str,
    purpose: FacePurpose = FacePurpose.SHIFT_START,
    at: datetime | None = None,
) -> FaceCheck:
    """Let a driver start without a passed check, as long as one would hold; or log in, once.

    A log-in is let pass within as long, by its first factors alone. Audited.
    Raises ReasonRequired (400), OwnFaceCheck (403), DriverNotActive (409).
    """
    at, reason = at or clock.now(), given_reason(reason)
    actor.require_same_provider(driver)
    if actor.kind == "user" and actor.id == driver.user_id:
        raise OwnFaceCheck()
    _require_staying(driver)
    values = {"result": FaceResult.OVERRIDDEN, "reason": reason[:500]}
    return _noted(driver, actor, at, purpose=purpose, **values)


@transaction.atomic
def withdraw_face(
    driver: Driver, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> bool:
    """Delete a driver's template and its key: consent withdrawn, or staff make room for another.

    Whether there was one; at once, and void in every copy. What stays of checks are figures.
    """
    at = at or clock.now()
    actor.require_same_provider(driver)
    driver = _locked(driver)
    template = FaceTemplate.objects.filter(driver=driver).first()
    FaceCheck.objects.filter(driver=driver, image_hash__isnull=False).update(image_hash=None)
    if template is None:
        return False
    _delete(template)
    audit.record(
        "face.withdrawn",
        driver,
        actor=actor,
        at=at,
        changes={"consent_version": (template.consent_version, "")},
        reason=reason,
    )
    return True


def require_face(driver: Driver, policy: FleetPolicy, at: datetime) -> None:
    """Guard of a start: a check where the company's rules ask for one. Raises FaceCheckRequired."""
    if face_needed(driver, policy, at):
        checks = FaceCheck.objects.of(driver.pk, until=at).before_starts()
        raise FaceCheckRequired(
            enrolled=FaceTemplate.objects.filter(driver=driver).exists(),
            last_result=checks.values_list("result", flat=True).first(),
        )


# --- Templates -----------------------------------------------------------------------------------
def _kept(
    template: FaceTemplate, embedding: Sequence[float], *, actor: Actor, at: datetime
) -> FaceTemplate:
    """Write the template in place of the one before, under the driver's lock; tell the driver."""
    driver = template.driver
    before = FaceTemplate.objects.filter(driver=driver).first()
    if before is not None:
        if before.model == template.model:
            _require_same_person(before, embedding)
        template.anew = before.anew
        _delete(before)
    else:
        template.anew = _was_withdrawn(driver)
    template.sealed = _sealed(template, embedding)
    template.save(force_insert=True)
    audit.record(
        "face.enrolled",
        driver,
        actor=actor,
        at=at,
        changes={
            "consent_version": (before.consent_version if before else "", template.consent_version)
        },
    )
    notify(driver.user, "drivers.face_enrolled", {}, about=driver, at=at)
    template.refresh_from_db()
    return template


def _require_same_person(before: FaceTemplate, embedding: Sequence[float]) -> None:
    policy = FleetPolicy.objects.get(provider_id=before.provider_id)
    apart = distance(_opened(before), embedding)
    if apart > float(policy.face_max_distance):
        raise FacePhotosDisagree(photos=[], distance=round(apart, 3))


def _was_withdrawn(driver: Driver) -> bool:
    return (
        AuditEntry.objects.for_provider(driver.provider_id)
        .filter(
            action="face.withdrawn",
            object_type=driver._meta.label_lower,
            object_id=str(driver.pk),
        )
        .exists()
    )


def _delete(template: FaceTemplate) -> None:
    crypto.destroy(_subject(template), template.provider_id)
    FaceTemplate.objects.filter(pk=template.pk).delete()


def _sealed(template: FaceTemplate, embedding: Sequence[float]) -> bytes:
    inner = struct.pack(_FLOATS, *embedding)
    for subject in (_subject(template), subject_of(template.driver_id)):
        inner = crypto.encrypt(
            subject=subject,
            provider_id=template.provider_id,
            context=_context(template),
            plaintext=inner,
        )
    return inner


def _opened(template: FaceTemplate) -> tuple[float, ...]:
    """The template in clear, for a comparison. Raises KeyDestroyed (409) after an erasure."""
    inner = bytes(template.sealed)
    for subject in (subject_of(template.driver_id), _subject(template)):
        inner = crypto.decrypt(
            subject=subject,
            provider_id=template.provider_id,
            context=_context(template),
            ciphertext=inner,
        )
    return struct.unpack(_FLOATS, inner)


def _subject(template: FaceTemplate) -> str:
    return f"drivers.face:{template.uuid}"


def _context(template: FaceTemplate) -> str:
    return f"drivers_facetemplate|sealed|{template.uuid}"


def _template_of(driver: Driver) -> FaceTemplate:
    template = FaceTemplate.objects.filter(driver=driver).first()
    if template is None:
        raise FaceNotEnrolled()
    return template


# --- Checks --------------------------------------------------------------------------------------
def _compared(
    template: FaceTemplate, face: Face, image_hash: bytes, version: str
) -> dict[str, Any]:
    policy = FleetPolicy.objects.get(provider_id=template.provider_id)
    threshold = float(policy.face_max_distance)
    apart = distance(_opened(template), face.embedding)
    passed = apart <= threshold
    return {
        "result": FaceResult.PASSED if passed else FaceResult.FAILED,
        "refusal": "" if passed else "face_mismatch",
        "distance": apart,
        "threshold": threshold,
        "face_width_px": face.width_px,
        "sharpness": face.sharpness,
        "light": round(face.light),
        "engine": version,
        "image_hash": image_hash,
    }


@transaction.atomic
def _noted(driver: Driver, actor: Actor, at: datetime, *, result: str, **values: Any) -> FaceCheck:
    """Write a check down, under the driver's lock, so that parallel failures count one another."""
    driver = _locked(driver)
    attempt = 0 if result == FaceResult.OVERRIDDEN else _next_attempt(driver, at)
    check = FaceCheck.objects.create(
        provider_id=driver.provider_id,
        driver=driver,
        result=result,
        attempt=attempt,
        actor=str(actor),
        at=at,
        **values,
    )
    audit.record(
        "face.checked",
        check,
        actor=actor,
        at=at,
        changes={"result": ("", str(result))},
        reason=check.reason,
    )
    check.refresh_from_db()
    return check


def _next_attempt(driver: Driver, at: datetime) -> int:
    """The number of the attempt that may be made now. Raises FaceAttemptsUsedUp (429)."""
    own = FaceCheck.objects.of(driver.pk, until=at)
    since = at - ATTEMPTS_WITHIN
    good = own.good().filter(at__gt=since).first()
    failed = own.filter(result=FaceResult.FAILED, at__gt=since)
    if good is not None:
        failed = failed.filter(pk__gt=good.pk)
    failures = list(failed.values_list("at", flat=True))
    if len(failures) >= ATTEMPTS:
        free_at = failures[ATTEMPTS - 1] + ATTEMPTS_WITHIN
        raise FaceAttemptsUsedUp(retry_after_s=max(1, round((free_at - at).total_seconds())))
    return len(failures) + 1


def _known_check(
    template: FaceTemplate, image_hash: bytes, purpose: str, actor: Actor, at: datetime
) -> FaceCheck | None:
    """What a photo that was seen before comes to: its check again, or a failure; None: it is new.

    Before a start a phone that lost the answer asks again. A log-in has no such grace: whoever
    holds the photo of one would have the tokens of another.
    """
    own = FaceCheck.objects.of(template.driver_id, until=at).filter(image_hash=image_hash)
    just = own.before_starts().filter(at__gt=at - REPEATED_WITHIN).first()
    if just is not None and purpose == FacePurpose.SHIFT_START:
        return just
    if not _is_replayed(template, image_hash):
        return None
    values = {"result": FaceResult.FAILED, "refusal": "face_image_replayed"}
    return _noted(template.driver, actor, at, purpose=purpose, **values)


def _is_replayed(template: FaceTemplate, image_hash: bytes) -> bool:
    if image_hash in template.photo_hashes:
        return True
    theirs = FaceCheck.objects.for_provider(template.provider_id)
    return theirs.filter(image_hash=image_hash).exists()


# --- What both need ------------------------------------------------------------------------------
def _hash_of(photo: files.Prepared) -> bytes:
    """A keyed hash of its pixels: other metadata make no other photo."""
    return crypto.fingerprint(sha256(photo.content).hexdigest(), "face_image")


def _locked(driver: Driver) -> Driver:
    return Driver.objects.select_for_update(no_key=True).get(pk=driver.pk)


def _require_staying(driver: Driver) -> None:
    if driver.status in GONE:
        raise DriverNotActive(driver=driver.pk, status=driver.status)


def _require_wanted(driver: Driver) -> None:
    """Nothing is kept of a face that the company does not ask for, or of somebody who leaves."""
    _require_staying(driver)
    if not FleetPolicy.objects.get(provider_id=driver.provider_id).wants_faces:
        raise FaceChecksOff()
