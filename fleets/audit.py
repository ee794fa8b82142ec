"""Writing audit entries: one call beside each privileged change, in the same transaction."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import models

from fleets.models import AuditEntry
from voltop.context import Actor, current_request_id

Changes = Mapping[str, tuple[Any, Any]]


def record(
    action: str,
    obj: models.Model,
    *,
    actor: Actor,
    at: datetime,
    changes: Changes | None = None,
    reason: str = "",
    on_behalf_of: str = "",
) -> AuditEntry:
    """Write one entry about `obj`. `changes` maps field → (before, after); no secrets in clear."""
    return AuditEntry.objects.create(
        provider_id=getattr(obj, "provider_id", None) or actor.provider_id,
        at=at,
        actor=str(actor),
        on_behalf_of=on_behalf_of,
        action=action,
        object_type=obj._meta.label_lower,
        object_id=str(obj.pk),
        changes={
            name: [_plain(before), _plain(after)]
            for name, (before, after) in (changes or {}).items()
        },
        reason=reason[:500],
        request_id=current_request_id()[:64],
    )


def diff(obj: models.Model, values: Mapping[str, Any], *, hide: Iterable[str] = ()) -> Changes:
    """The fields of `values` that differ from the row: (before, after); hidden ones as "•"."""
    hidden = set(hide)
    changes: dict[str, tuple[Any, Any]] = {}
    for name, after in values.items():
        before = getattr(obj, name)
        if before != after:
            changes[name] = ("•", "•") if name in hidden else (before, after)
    return changes


def _plain(value: Any) -> Any:
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
