"""What drivers are told of their shifts."""

from django.utils.translation import gettext_lazy as _

from voltop.notices import NoticeKind

AUTO_CLOSED = NoticeKind(
    "shifts.auto_closed",
    _("Your shift was closed"),
    _(
        "Nobody ended your shift that began %(started_at)s, so it was closed with its end at "
        "%(ended_at)s. If you worked differently, tell your company: the shift is reviewed before "
        "it counts."
    ),
)


def kinds() -> list[NoticeKind]:
    return [AUTO_CLOSED]
