"""Files that are kept: sealed under a person's key, first in the row, then in the private store.

A file is promised in the transaction of what it belongs to, and no store outside the database takes
part in that. So its sealed bytes begin in its row; `move_kept` brings them to the store afterwards,
under a name that nobody gave, and empties the row. Read from wherever they are. The store sees
ciphertext only, and erasing the person voids what is there and in every copy of it.

Not here: whether a file is harmless (`voltop.files.preparing`), who may have it, and quotas.
"""

import secrets
from datetime import datetime
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection
from django.db.models import Sum

from voltop import clock, crypto, rings
from voltop.files.preparing import Prepared
from voltop.tables import StoredFile

MOVE_TASK = "voltop.files.move"
ALIAS = "private"
AT_ONCE = 100


def keep(
    prepared: Prepared, *, subject: str, provider_id: int, at: datetime | None = None
) -> StoredFile:
    """Keep a file about a person, in the caller's transaction. Raises KeyDestroyed (409)."""
    if not connection.in_atomic_block:
        raise RuntimeError("a file is kept in the transaction of what it belongs to")
    stored = StoredFile(
        provider_id=provider_id,
        subject=subject,
        name=prepared.name,
        content_type=prepared.content_type,
        size_bytes=len(prepared.content),
        kept_at=at or clock.now(),
    )
    stored.sealed = crypto.encrypt(
        subject=subject,
        provider_id=provider_id,
        context=_context(stored),
        plaintext=prepared.content,
    )
    stored.save(force_insert=True)
    rings.ring(MOVE_TASK)
    return stored


def read(stored: StoredFile) -> bytes:
    """The file in clear. Raises KeyDestroyed (409) after the person's erasure."""
    place, sealed = _whereabouts(stored.pk)
    if place:
        with storages[ALIAS].open(place) as file:
            sealed = file.read()
    return crypto.decrypt(
        subject=stored.subject,
        provider_id=stored.provider_id,
        context=_context(stored),
        ciphertext=bytes(sealed),
    )


def held_bytes(subject: str, provider_id: int) -> int:
    """How much is kept about a person at a company."""
    own = StoredFile.objects.filter(subject=subject, provider_id=provider_id)
    return int(own.aggregate(total=Sum("size_bytes"))["total"] or 0)


def kept_since(subject: str, provider_id: int, since: datetime) -> list[datetime]:
    """When files about a person were kept after an instant, the earliest first."""
    own = StoredFile.objects.filter(subject=subject, provider_id=provider_id, kept_at__gt=since)
    return list(own.order_by("kept_at").values_list("kept_at", flat=True))


def move_kept(limit: int = AT_ONCE) -> int:
    """Bring sealed bytes from their rows to the store; how many. Safe at once and repeated.

    Each goes under a fresh name, and only the first who says so in the row counts: nobody ever
    reads what is still being written. What the store does not take waits for the next sweep, and
    keeps no other from moving; the last failure is raised at the end, so that the run shows it.
    """
    waiting = StoredFile.objects.unscoped().filter(place="").order_by("pk")
    moved, failure = 0, None
    for pk in list(waiting.values_list("pk", flat=True)[:limit]):
        try:
            moved += _move(pk)
        except Exception as error:
            failure = error
    if failure is not None:
        raise failure
    return moved


def _move(pk: int) -> bool:
    found = StoredFile.objects.unscoped().filter(pk=pk, place="").first()
    if found is None:
        return False
    wanted = f"{found.provider_id}/{found.uuid.hex[-2:]}/{found.uuid}-{secrets.token_hex(4)}"
    place = storages[ALIAS].save(wanted, ContentFile(bytes(found.sealed)))
    mine = StoredFile.objects.unscoped().filter(pk=pk, place="").update(place=place, sealed=b"")
    if not mine:
        storages[ALIAS].delete(place)
    return bool(mine)


def _whereabouts(pk: int) -> tuple[str, Any]:
    """As the row says now: it may have been moved since the caller read it."""
    rows = StoredFile.objects.unscoped().filter(pk=pk)
    place, sealed = rows.values_list("place", "sealed").get()
    return place, sealed


def _context(stored: StoredFile) -> str:
    return f"voltop_storedfile|sealed|{stored.uuid}"
