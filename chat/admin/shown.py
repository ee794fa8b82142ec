"""What the page of a conversation shows, as values: its template and its script show the same."""

from typing import Any

from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _

from chat.models import AlarmStatus, Attachment, Conversation
from chat.selectors import Said, are_gone
from chat.subjects import find_subject
from voltop.words import moment

PICTURE = "image/jpeg"
Shown = dict[str, Any]


def shown_talk(conversation: Conversation, talk: list[Said]) -> list[Shown]:
    """What was said, each with its files; the address of a file that is gone is empty."""
    gone = are_gone(talk)
    return [
        {
            "kind": said.kind,
            "body": said.body,
            "by": f"{_('Note')}: {_by(said)}" if said.kind == "note" else _by(said),
            "files": [_file(conversation, sent, gone) for sent in said.files],
        }
        for said in talk
    ]


def _by(said: Said) -> str:
    return f"{said.who}, {moment(said.at)}"


def _file(conversation: Conversation, sent: Attachment, gone: bool) -> Shown:
    file = sent.file
    about = f"{file.get_content_type_display()}, {filesizeformat(file.size_bytes)}"
    if gone:
        about += f", {_('erased with the data of the driver')}"
    url = reverse("admin:chat_conversation_file", args=(conversation.pk, sent.pk))
    return {
        "name": file.name,
        "about": about,
        "url": "" if gone else url,
        "picture": file.content_type == PICTURE and not gone,
    }


def facts_of(conversation: Conversation) -> list[Shown]:
    """How the conversation stands: words, where they lead, and whether they are pressing."""
    alarm = conversation.alarms.filter(status=AlarmStatus.RINGING).first()
    subject = find_subject(conversation.about_type, conversation.about_id, conversation.provider_id)
    facts = [_fact(conversation.get_status_display(), strong=True)]
    if alarm is not None:
        url = reverse("admin:chat_alarm_change", args=(alarm.pk,))
        facts.insert(0, _fact(_("Called for help: acknowledge"), url=url, late=True))
    if conversation.assignee is not None:
        facts.append(_fact(_("with %(who)s") % {"who": conversation.assignee}))
    elif conversation.status != conversation.Status.RESOLVED:
        facts.append(_fact(_("with nobody yet")))
    facts.append(_fact(conversation.get_topic_display()))
    if subject is not None:
        facts.append(_fact(subject.label, url=subject.url))
    priority = {"how": conversation.get_priority_display()}
    facts.append(_fact(_("priority: %(how)s") % priority))
    return facts + _due(conversation)


def _due(conversation: Conversation) -> list[Shown]:
    due, first = conversation.due_at, conversation.first_response_due_at
    facts = []
    if due is not None:
        late = conversation.escalated_at is not None
        facts.append(_fact(f"{_('answer due')} {moment(due)}", late=late))
    if first is not None and conversation.first_responded_at is None and first != due:
        facts.append(_fact(f"{_('first answer due')} {moment(first)}"))
    return facts


def _fact(words: Any, *, url: str = "", late: bool = False, strong: bool = False) -> Shown:
    return {"words": str(words), "url": url, "late": late, "strong": strong}
