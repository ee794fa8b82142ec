"""What fleets tells people of: their account, and the company's webhooks."""

from django.utils.translation import gettext_lazy as _

from voltop.notices import NoticeKind

NEW_DEVICE = NoticeKind(
    "fleets.new_device",
    _("A log-in from a new device"),
    _(
        "Somebody logged in to your Voltop account on a device that was not used before "
        "(%(device)s, %(logged_in_at)s). If that was not you, change your password now: it ends "
        "every log-in."
    ),
    urgent=True,
    safety=True,
)
SECOND_FACTOR_ADDED = NoticeKind(
    "fleets.second_factor_added",
    _("Your second factor is on"),
    _(
        "Your Voltop account now asks for a second factor. If you did not set it up, tell your "
        "company at once."
    ),
    urgent=True,
    safety=True,
)
SECOND_FACTOR_REMOVED = NoticeKind(
    "fleets.second_factor_removed",
    _("Your second factor is off"),
    _(
        "The second factor of your Voltop account was removed. If that was not you, change your "
        "password now and tell your company."
    ),
    urgent=True,
    safety=True,
)
ENDPOINT_DISABLED = NoticeKind(
    "fleets.endpoint_disabled",
    _("A webhook endpoint was switched off"),
    _(
        "Voltop no longer sends events to the webhook endpoint %(name)s, because its calls kept "
        "failing. Enable it once it answers again; what it missed stays in the feed of events."
    ),
)


def kinds() -> list[NoticeKind]:
    return [NEW_DEVICE, SECOND_FACTOR_ADDED, SECOND_FACTOR_REMOVED, ENDPOINT_DISABLED]
