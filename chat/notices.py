"""What drivers are told of their conversations; never what was said."""

from django.utils.translation import gettext_lazy as _

from voltop.notices import NoticeKind

ANSWERED = NoticeKind(
    "chat.answered",
    _("Your company has answered you"),
    _("There is a new answer in conversation #%(number)s. Open it in the app."),
)


def kinds() -> list[NoticeKind]:
    return [ANSWERED]
