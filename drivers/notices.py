"""What drivers are told of their own record."""

from django.utils.translation import gettext_lazy as _

from fleets.models import DriverPaper
from voltop.notices import NoticeKind


def _paper(kind: str) -> str:
    return str(DriverPaper(kind).label)


PAYOUT_ACCOUNT_CHANGED = NoticeKind(
    "drivers.payout_account_changed",
    _("Your payout account was changed"),
    _(
        "Your pay will go to the account %(mask)s from now on. Nothing is paid out to it before "
        "%(hold_until)s. If you did not ask for this, tell your company before then."
    ),
    urgent=True,
    safety=True,
)
DOCUMENT_REJECTED = NoticeKind(
    "drivers.document_rejected",
    _("A paper of yours was not accepted"),
    _("Your paper (%(paper)s) was not accepted: %(reason)s. Hand it in once more."),
    worded={"paper": _paper},
)
DOCUMENT_EXPIRING = NoticeKind(
    "drivers.document_expiring",
    _("A paper of yours will run out"),
    _(
        "Your paper (%(paper)s) is valid until %(expires_on)s. Hand in a new one before then: "
        "without it you can start no shift."
    ),
    worded={"paper": _paper},
)
DOCUMENT_EXPIRED = NoticeKind(
    "drivers.document_expired",
    _("A paper of yours has run out"),
    _(
        "Your paper (%(paper)s) was valid until %(expired_on)s. A shift that runs goes on; hand in "
        "a new one before you start the next."
    ),
    worded={"paper": _paper},
)
ACTIVATED = NoticeKind(
    "drivers.activated",
    _("You may start"),
    _("All your papers are approved: you can start your first shift."),
)
FACE_ENROLLED = NoticeKind(
    "drivers.face_enrolled",
    _("Your face was enrolled"),
    _(
        "From now on your face is recognised where your company asks for it. If you did not take "
        "these photos yourself, tell your company and change your password."
    ),
    urgent=True,
    safety=True,
)


def kinds() -> list[NoticeKind]:
    return [
        PAYOUT_ACCOUNT_CHANGED,
        DOCUMENT_REJECTED,
        DOCUMENT_EXPIRING,
        DOCUMENT_EXPIRED,
        ACTIVATED,
        FACE_ENROLLED,
    ]
