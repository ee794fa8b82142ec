"""Writing audit entries: one call beside each privileged change, in the same transaction.

A personal value (a name, a telephone number) is wrapped as `Personal` and kept encrypted under the
key of the entry's subject: erasing the person voids it, and the chain (`fleets.services.sealing`)
still verifies. `reveal` shows it again, which is an entry of its own.
"""

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from django.db import models, transaction

from fleets.models import AuditEntry
from voltop import clock, crypto
from voltop.context import Actor, current_request_id
from voltop.errors import NotFound

HIDDEN = "•"
"""What stands for a value that is not shown."""
SEALED = "sealed"
CONTEXT = "fleets_auditentry|changes"

Changes = Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Personal:
    """A value about a person, to be kept encrypted."""

    value: Any


def record(
    action: str,
    obj: models.Model,
    *,
    actor: Actor,
    at: datetime,
    changes: Changes | None = None,
    subject: str = "",
    reason: str = "",
    on_behalf_of: str = "",
) -> AuditEntry:
    """Write one entry about `obj`. `changes` maps field → (before, after); no secrets in clear.

    `subject` names the encryption key of the person whom `Personal` values are about; without a
    name, or after that person's erasure, they are kept as hidden.
    """
    provider_id = getattr(obj, "provider_id", None) or actor.provider_id
    object_type, object_id = obj._meta.label_lower, str(obj.pk)
    place = _place(object_type, object_id, at)
    kept = {
        name: [
            _kept(value, subject, provider_id, f"{place}|{name}|{n}")
            for n, value in enumerate(both)
        ]
        for name, both in (changes or {}).items()
    }
    return AuditEntry.objects.create(
        provider_id=provider_id,
        at=at,
        actor=str(actor),
        on_behalf_of=on_behalf_of,
        action=action,
        object_type=object_type,
        object_id=object_id,
        changes=kept,
        subject=subject,
        reason=reason[:500],
        request_id=current_request_id()[:64],
    )


def diff(
    obj: models.Model, values: Mapping[str, Any], *, personal: Collection[str] = ()
) -> Changes:
    """The fields of `values` that differ from the row: (before, after)."""
    changes: dict[str, tuple[Any, Any]] = {}
    for name, after in values.items():
        before = getattr(obj, name)
        if before == after:
            continue
        both = (before, after)
        changes[name] = (Personal(before), Personal(after)) if name in personal else both
    return changes


def shown(entry: AuditEntry) -> dict[str, Any]:
    """The changes as everybody sees them who may read entries: personal values hidden."""
    return {
        name: [HIDDEN if _is_sealed(value) else value for value in both]
        for name, both in entry.changes.items()
    }


@transaction.atomic
def reveal(
    entry: AuditEntry, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> dict[str, Any]:
    """The changes with personal values in clear. Looking is itself an entry.

    Raises KeyDestroyed (409) after the person's erasure, NotFound for another provider's entry.
    """
    at = at or clock.now()
    if actor.provider_id not in (None, entry.provider_id):
        raise NotFound()
    place = _place(entry.object_type, entry.object_id, entry.at)
    clear = {
        name: [_clear(value, entry, f"{place}|{name}|{n}") for n, value in enumerate(both)]
        for name, both in entry.changes.items()
    }
    record("audit_entry.revealed", entry, actor=actor, at=at, reason=reason)
    return clear


def _place(object_type: str, object_id: str, at: datetime) -> str:
    """What a personal value is bound to; with its field and side it fits nowhere else."""
    return f"{CONTEXT}|{object_type}|{object_id}|{at.astimezone(UTC).isoformat()}"


def _kept(value: Any, subject: str, provider_id: int | None, context: str) -> Any:
    if not isinstance(value, Personal):
        return _plain(value)
    if not subject:
        return HIDDEN
    plaintext = json.dumps(_plain(value.value)).encode()
    try:
        sealed = crypto.encrypt(
            subject=subject, provider_id=provider_id, context=context, plaintext=plaintext
        )
    except crypto.KeyDestroyed:
        return HIDDEN
    return {SEALED: base64.b64encode(sealed).decode()}


def _clear(value: Any, entry: AuditEntry, context: str) -> Any:
    if not _is_sealed(value):
        return value
    plaintext = crypto.decrypt(
        subject=entry.subject,
        provider_id=entry.provider_id,
        context=context,
        ciphertext=base64.b64decode(value[SEALED]),
    )
    return json.loads(plaintext)


def _is_sealed(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {SEALED}


def _plain(value: Any) -> Any:
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value
