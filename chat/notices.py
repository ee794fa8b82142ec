"""What drivers and staff are told of conversations; never what was said."""

from django.utils.translation import gettext_lazy as _

from voltop.notices import NoticeKind

ANSWERED = NoticeKind(
    "chat.answered",
    _("Your company has answered you"),
    _("There is a new answer in conversation #%(number)s. Open it in the app."),
)


WRITTEN = NoticeKind(
    "chat.written",
    _("Your company has written to you"),
    _("There is a message in conversation #%(number)s. Open it in the app."),
)
CLOSING_SOON = NoticeKind(
    "chat.closing_soon",
    _("A conversation will be closed"),
    _(
        "You have not answered in conversation #%(number)s. It is closed at %(closes_at)s, unless "
        "you write again."
    ),
)
ANSWER_DUE = NoticeKind(
    "chat.answer_due",
    _("A driver waits for an answer"),
    _("Conversation #%(number)s is to be answered by %(due_at)s."),
    urgent=True,
)
ANSWER_LATE = NoticeKind(
    "chat.answer_late",
    _("A driver's answer is late"),
    _("Conversation #%(number)s was to be answered by %(due_at)s, and nobody has."),
    urgent=True,
)
HELP_NEEDED = NoticeKind(
    "chat.help_needed",
    _("A driver needs help now"),
    _(
        "A driver called for help: conversation #%(number)s. Acknowledge it in Voltop, or the next "
        "person is called in two minutes."
    ),
    urgent=True,
    safety=True,
    first=True,
)


def kinds() -> list[NoticeKind]:
    return [ANSWERED, WRITTEN, CLOSING_SOON, ANSWER_DUE, ANSWER_LATE, HELP_NEEDED]
