"""Rules of drivers that somebody can break."""

from django.utils.translation import gettext_lazy as _

from fleets.errors import NoCredentials
from voltop.errors import DomainError


class DriverExists(DomainError):
    """`extra.driver` is the record that already stands here."""

    code = "driver_exists"
    constraints = ("drivers_driver_one_per_user",)
    message = _("This person already has a driver record here.")


class EmployeeNumberTaken(DomainError):
    code = "employee_number_taken"
    constraints = ("drivers_driver_employee_number",)
    message = _("Another driver has this employee number.")


class LoginRequired(DomainError):
    code = "login_required"
    status = 400
    message = _("A driver needs a phone number or an e-mail address to log in with.")


class InvalidPhone(DomainError):
    code = "invalid_phone"
    status = 400
    message = _("Not a valid phone number; write it with its country code, +52 55 ….")


class InvalidBirthDate(DomainError):
    code = "invalid_birth_date"
    status = 400
    message = _("A driver is between 16 and 100 years old.")


class NoDriverRecord(DomainError):
    code = "no_driver_record"
    message = _("You are not a driver of this company.")


class DriverNotActive(DomainError):
    code = "driver_not_active"
    message = _("The driver is not active: nothing new can be started.")


class DriverNotGone(DomainError):
    """`extra.status` is the driver's state."""

    code = "driver_not_gone"
    message = _("Only somebody who has left for good can be erased.")


class NotConfirmed(DomainError):
    code = "not_confirmed"
    status = 400
    message = _("Type the name exactly as it stands there.")


class DriverBlocked(DomainError):
    """`extra.blockers` lists all of it, and what may be set aside (`overridable`)."""

    code = "driver_blocked"
    message = _("Something is still open with the driver: settle that first.")


class EngagementOverlap(DomainError):
    code = "engagement_overlap"
    constraints = ("drivers_engagement_no_overlap",)
    message = _("The driver has another engagement in this period.")


class EngagementEnded(DomainError):
    code = "engagement_ended"
    message = _("The engagement has already ended; an end can only be brought forward.")


class InvalidEngagementPeriod(DomainError):
    code = "invalid_engagement_period"
    status = 400
    message = _("An engagement ends after it has begun.")


class InvalidPayoutAccount(DomainError):
    """`extra.reason` tells what is wrong: format, length, check_digit, unknown_field, …"""

    code = "invalid_payout_account"
    status = 400
    message = _("This account number is not valid.")


class PayoutAccountUnchanged(DomainError):
    code = "payout_account_unchanged"
    message = _("This is already the driver's account.")


class TooManyFiles(DomainError):
    """`extra` tells how many, and how much, are taken."""

    code = "too_many_files"
    status = 429
    message = _("Too many files within an hour: try again later.")


class FilesFull(DomainError):
    """`extra` tells held_bytes and limit_bytes."""

    code = "files_full"
    status = 413
    message = _("The driver's files take up all the room there is.")


class InvalidDocumentDates(DomainError):
    code = "invalid_document_dates"
    status = 400
    message = _("A paper is issued by today, and ends after it was issued.")


class DocumentRunOut(DomainError):
    code = "document_run_out"
    message = _("The paper has run out: a new one is needed.")


class DocumentKnown(DomainError):
    """`extra.document` is the one that is there."""

    code = "document_known"
    message = _("This paper is there already, with the same number and last day.")


class OwnDocument(DomainError):
    code = "own_document"
    status = 403
    message = _("Somebody else must judge your own papers.")


class PapersMissing(DomainError):
    """A reason of `start_refused`; `extra.papers` lists each with what is wrong with it."""

    code = "papers_missing"
    message = _("Papers that the company demands are missing or have run out.")


# --- Faces ---------------------------------------------------------------------------------------
class FaceEngineUnavailable(DomainError):
    """Its packages are not installed, or its program died."""

    code = "face_engine_unavailable"
    status = 503
    message = _("Faces cannot be compared at the moment.")


class FaceEngineBusy(DomainError):
    code = "face_engine_busy"
    status = 503
    message = _("Other photos are being looked at: try again in a moment.")


class FaceChecksOff(DomainError):
    """Nothing is kept of a face that nobody asks for."""

    code = "face_checks_off"
    message = _("Your company does not check faces.")


class FaceConsentRequired(DomainError):
    """`extra.version` is the text to agree to, as `GET me/face` shows it."""

    code = "face_consent_required"
    status = 400
    message = _("Read what your face is used for, and agree to it first.")


class FacePhotoRefused(DomainError):
    """`extra.photo` counts from 0; `extra.reason`: no_face, several_faces, too_small, too_dark,
    too_bright, blurred, not_frontal, repeated."""

    code = "face_photo_refused"
    status = 400
    message = _("This photo will not do: one face, near, sharp, well lit, looking at the camera.")


class FacePhotosDisagree(DomainError):
    """`extra.photos` are the two farthest apart; empty: they are not whom the template shows."""

    code = "face_photos_disagree"
    status = 400
    message = _("These photos do not show one and the same person.")


class FaceNotEnrolled(DomainError):
    code = "face_not_enrolled"
    message = _("Hand in photos of your face first.")


class FaceAttemptsUsedUp(DomainError):
    """Staff may let the driver start; else the wait in Retry-After."""

    code = "face_attempts_used_up"
    status = 429
    message = _("Your face was not recognised three times: ask your company, or wait.")


class FaceNotRecognised(NoCredentials):
    """At log-in. `extra.reason`: face_mismatch, or face_image_replayed (each log-in wants a photo
    of its own); `extra.attempts_left` before only staff or an hour help."""

    code = "face_not_recognised"
    message = _("Your face was not recognised: take another photo.")


class FaceCheckRequired(DomainError):
    """A reason of `start_refused`; `extra` tells enrolled, and the last check's result."""

    code = "face_check_required"
    message = _("Show your face before you start.")


class OwnFaceCheck(DomainError):
    code = "own_face_check"
    status = 403
    message = _("Somebody else must set aside your own face check.")
