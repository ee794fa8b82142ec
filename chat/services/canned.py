"""Answers that are given often: kept by language, filled in for a conversation."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from chat.errors import CannedReplyExists, UnknownVariable
from chat.models import CannedReply, Conversation
from fleets import audit
from fleets.errors import UnknownLanguage
from fleets.models import FleetProvider, User
from fleets.services import require_active
from voltop import clock
from voltop.context import Actor

VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
VARIABLES = ("driver", "first_name", "number", "company", "agent")


@transaction.atomic
def create_canned_reply(
    provider: FleetProvider,
    *,
    actor: Actor,
    shortcut: str,
    body: str,
    language: str = "en",
    at: datetime | None = None,
) -> CannedReply:
    """Keep an answer for further use. Audited.

    Raises UnknownVariable, UnknownLanguage (400), CannedReplyExists, ProviderNotActive (409).
    """
    at = at or clock.now()
    actor.require_same_provider(provider)
    require_active(provider)
    values = {"shortcut": shortcut, "language": language, "body": body}
    _check(values)
    _require_free(provider.pk, shortcut, language)
    reply = CannedReply.objects.create(provider=provider, **values)
    audit.record("canned_reply.created", reply, actor=actor, at=at)
    reply.refresh_from_db()
    return reply


@transaction.atomic
def update_canned_reply(
    reply: CannedReply, *, actor: Actor, at: datetime | None = None, **values: Any
) -> CannedReply:
    """Change shortcut, language or body. Audited. Raises as `create_canned_reply`."""
    at = at or clock.now()
    actor.require_same_provider(reply)
    if unknown := values.keys() - {"shortcut", "language", "body"}:
        raise TypeError(f"not changeable: {sorted(unknown)}")
    _check(values)
    reply = CannedReply.objects.select_for_update(no_key=True).get(pk=reply.pk)
    changes = audit.diff(reply, values)
    if changes:
        wanted = {"shortcut": reply.shortcut, "language": reply.language} | values
        _require_free(reply.provider_id, wanted["shortcut"], wanted["language"], but=reply.pk)
        CannedReply.objects.filter(pk=reply.pk).update(**values)
        audit.record("canned_reply.changed", reply, actor=actor, at=at, changes=changes)
    reply.refresh_from_db()
    return reply


@transaction.atomic
def retire_canned_reply(
    reply: CannedReply, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> CannedReply:
    """Offer it no more; twice changes nothing. Audited."""
    at = at or clock.now()
    actor.require_same_provider(reply)
    if CannedReply.objects.filter(pk=reply.pk, retired_at__isnull=True).update(retired_at=at):
        audit.record("canned_reply.retired", reply, actor=actor, at=at, reason=reason)
    reply.refresh_from_db()
    return reply


def _check(values: Mapping[str, Any]) -> None:
    if values.get("language", "en") not in dict(settings.LANGUAGES):
        raise UnknownLanguage(field="language")
    for name in VARIABLE.findall(values.get("body", "")):
        if name not in VARIABLES:
            raise UnknownVariable(field="body", name=name[:40], known=list(VARIABLES))


def _require_free(provider_id: int, shortcut: str, language: str, but: int = 0) -> None:
    same = CannedReply.objects.for_provider(provider_id).filter(
        shortcut=shortcut, language=language, retired_at__isnull=True
    )
    if same.exclude(pk=but).exists():
        raise CannedReplyExists(field="shortcut")


def filled_in(reply: CannedReply, conversation: Conversation, agent: User | None) -> str:
    """The answer as it would be sent in a conversation by a person."""
    driver = conversation.driver
    values = {
        "driver": driver.name,
        "first_name": driver.given_name,
        "number": str(conversation.number),
        "company": conversation.provider.name,
        "agent": "" if agent is None else agent.get_full_name(),
    }
    return VARIABLE.sub(lambda found: values[found[1]], reply.body)


def replies_for(conversation: Conversation) -> list[CannedReply]:
    """What may be answered: in the driver's language where there is one, else in another."""
    own = CannedReply.objects.for_provider(conversation.provider_id)
    found: dict[str, CannedReply] = {}
    for reply in own.filter(retired_at__isnull=True):
        known = found.get(reply.shortcut)
        if known is None or _rank(reply, conversation) < _rank(known, conversation):
            found[reply.shortcut] = reply
    return list(found.values())


def _rank(reply: CannedReply, conversation: Conversation) -> tuple[bool, bool, int]:
    """The driver's language first, then English, then whichever came first."""
    return (reply.language != conversation.language, reply.language != "en", reply.pk)
