"""What drivers are told of their own record."""

from django.utils.translation import gettext_lazy as _

from voltop.notices import NoticeKind

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


def kinds() -> list[NoticeKind]:
    return [PAYOUT_ACCOUNT_CHANGED]
