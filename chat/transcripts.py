"""Everything that was said with a driver, as one document: JSON, or PDF to be printed.

Notes among staff never stand in it, nor who read what. Not here: who may have it (views, admin).
"""

import io
import unicodedata
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import KeepTogether, Paragraph, SimpleDocTemplate, Spacer

from chat.models import AuthorKind, Conversation, Message
from chat.subjects import find_subject
from drivers.models import Driver
from voltop import clock
from voltop.api.fields import format_instant

FONTS = {"Vera": "Vera.ttf", "VeraBd": "VeraBd.ttf"}
MARGIN = 20 * mm


def transcript_of(driver: Driver, *, names: bool, at: datetime | None = None) -> dict[str, Any]:
    """All conversations of a driver, oldest first; `names` tells who of the staff wrote."""
    rows = Conversation.objects.filter(driver=driver).select_related("provider").order_by("id")
    said: dict[int, list[dict[str, Any]]] = {}
    messages = Message.objects.filter(conversation__driver=driver).select_related("author")
    messages = messages.with_attachments()
    for message in messages.order_by("conversation_id", "seq"):
        said.setdefault(message.conversation_id, []).append(_message(message, driver, names))
    return {
        "driver": driver.name,
        "company": driver.provider.name,
        "made_at": format_instant(at or clock.now()),
        "conversations": [
            {
                "number": row.number,
                "topic": row.topic,
                "about": _about(row),
                "status": row.status,
                "began_at": format_instant(row.created_at),
                "resolved_at": None if row.resolved_at is None else format_instant(row.resolved_at),
                "messages": said.get(row.pk, []),
            }
            for row in rows
        ],
    }


def _message(message: Message, driver: Driver, names: bool) -> dict[str, Any]:
    who = {
        AuthorKind.DRIVER: driver.name,
        AuthorKind.STAFF: str(message.author) if names else driver.provider.name,
        AuthorKind.SYSTEM: "Voltop",
    }
    return {
        "seq": message.seq,
        "author_kind": message.author_kind,
        "author": who[AuthorKind(message.author_kind)],
        "sent_at": format_instant(message.sent_at),
        "body": message.body,
        "attachments": [sent.file.name for sent in message.attachments.all()],
    }


def _about(conversation: Conversation) -> str:
    found = find_subject(conversation.about_type, conversation.about_id, conversation.provider_id)
    return "" if found is None else found.label


# --- PDF -----------------------------------------------------------------------------------------
def transcript_pdf(driver: Driver, *, names: bool, at: datetime | None = None) -> bytes:
    """The same as pages, in the company's zone and the language that is active."""
    _know_fonts()
    made = transcript_of(driver, names=names, at=at)
    zone = clock.shown_zone(driver.provider.time_zone)

    def told(instant: str) -> str:
        return date_format(datetime.fromisoformat(instant).astimezone(zone), "DATETIME_FORMAT")

    title = _("Conversations with %(driver)s") % {"driver": made["driver"]}
    below = f"{made['company']}, {told(made['made_at'])} ({zone.key})"
    parts: list[Any] = [_text(title, "title"), _text(below, "small")]
    if _has_boxes(made):
        words = _("Letters that cannot be printed here stand as boxes; the JSON has them.")
        parts.append(_text(words, "small"))
    parts.append(Spacer(0, 6 * mm))
    for conversation in made["conversations"]:
        parts += _conversation(conversation, told)
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file, pagesize=A4, title=title, author=made["company"],
        leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN,
    )  # fmt: skip
    document.build(parts, onFirstPage=_page_number, onLaterPages=_page_number)
    return file.getvalue()


def _conversation(conversation: dict[str, Any], told: Any) -> Iterator[Any]:
    about = f": {conversation['about']}" if conversation["about"] else ""
    head = f"#{conversation['number']} {conversation['topic']}{about}"
    yield _text(head, "head")
    for message in conversation["messages"]:
        by = f"{message['author']}, {told(message['sent_at'])}"
        sent = [f"[{name}]" for name in message["attachments"]]
        body = _text("\n".join(filter(None, [message["body"], *sent])), "body")
        # A long message goes on on the next page; a short one stays with its author.
        short = len(message["body"]) < 1500
        yield KeepTogether([_text(by, "small"), body]) if short else _text(by, "small")
        if not short:
            yield body
    yield Spacer(0, 4 * mm)


STYLES = {
    "title": ParagraphStyle("title", fontName="VeraBd", fontSize=16, leading=22),
    "head": ParagraphStyle("head", fontName="VeraBd", fontSize=11, leading=16, spaceBefore=8),
    "small": ParagraphStyle(
        "small", fontName="Vera", fontSize=8, leading=11, textColor="#5f6368", spaceBefore=5
    ),
    "body": ParagraphStyle("body", fontName="Vera", fontSize=10, leading=14, splitLongWords=1),
}


def _text(text: str, style: str) -> Paragraph:
    """A paragraph of what somebody typed: text alone, whatever marks stand in it."""
    font = pdfmetrics.getFont(STYLES[style].fontName)
    printed = "".join(_printed(sign, font.face.charToGlyph) for sign in text)
    return Paragraph(escape(printed).replace("\n", "<br/>"), STYLES[style])


def _printed(sign: str, glyphs: Collection[int]) -> str:
    """A sign as the font can show it: a picture by its name, what only joins or tints pictures not
    at all. Letters of other scripts stay, as boxes."""
    if sign == "\n" or ord(sign) in glyphs:
        return sign
    if sign == "\t":
        return " "
    kind = unicodedata.category(sign)
    if kind in ("Cc", "Cf", "Mn", "Sk"):
        return ""
    if kind.startswith("S"):
        return f"[{unicodedata.name(sign, f'U+{ord(sign):04X}').lower()}]"
    return sign


def _has_boxes(made: dict[str, Any]) -> bool:
    """Whether somebody used letters of a script that the font does not have."""
    glyphs = pdfmetrics.getFont("Vera").face.charToGlyph
    said = (message["body"] for talk in made["conversations"] for message in talk["messages"])
    return any(
        ord(sign) not in glyphs and unicodedata.category(sign).startswith("L")
        for body in said
        for sign in body
    )


def _page_number(canvas: Any, document: Any) -> None:
    canvas.setFont("Vera", 8)
    canvas.drawRightString(A4[0] - MARGIN, 10 * mm, str(document.page))


def _know_fonts() -> None:
    """The fonts that come with the library: letters of all languages of the house."""
    known = pdfmetrics.getRegisteredFontNames()
    for name, file in FONTS.items():
        if name not in known:
            pdfmetrics.registerFont(TTFont(name, file))
