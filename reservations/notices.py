"""What drivers are told of their bookings."""

from django.utils.translation import gettext_lazy as _

from voltop.notices import NoticeKind

CANCELLED = NoticeKind(
    "reservations.cancelled",
    _("Your charging slot was cancelled"),
    _("Your company has cancelled your charging slot at %(station)s from %(starts_at)s."),
    urgent=True,
)


def kinds() -> list[NoticeKind]:
    return [CANCELLED]
