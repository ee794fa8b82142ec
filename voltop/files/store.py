"""Files that are kept: sealed under a person's key, first in the row, then in the private store.

A file is promised in the transaction of what it belongs to, and no store outside the database takes
part in that. So its sealed bytes begin in its row; `move_kept` brings them to the store afterwards,
under a name that nobody gave, and empties the row. Read from wherever they are. The store sees
ciphertext only, and erasing the person voids what is there and in every copy of it.

`drop` ends a file: its row goes with what it belonged to, and the store is told by the outbox.

Not here: whether a file is harmless (`voltop.files.preparing`), who may have it, and quotas.
"""

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection
from django.db.models import Sum

from voltop import clock, crypto, outbox, rings
from voltop.files.errors import FileGone, FilesUnavailable
from voltop.files.preparing import Prepared
from voltop.ids import uuid7
from voltop.tables import StoredFile

MOVE_TASK = "voltop.files.move"
DROP_TOPIC = "voltop.files.drop"
DROPPED_TOGETHER = 50
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
    """The file in clear. Raises KeyDestroyed (409) after the person's erasure.

    FileGone (410) where the store has it no more: it was dropped after the backup was made that
    brought its row back. FilesUnavailable (503) where the store does not give it.
    """
    place, sealed = _whereabouts(stored.pk)
    if place:
        try:
            with storages[ALIAS].open(place) as file:
                sealed = file.read()
        except FileNotFoundError as error:
            raise FileGone() from error
        except Exception as error:  # what a store raises is its own affair: OSError, botocore's …
            raise FilesUnavailable(retry_after_s=5) from error
    return crypto.decrypt(
        subject=stored.subject,
        provider_id=stored.provider_id,
        context=_context(stored),
        ciphertext=bytes(sealed),
    )


def drop(keys: Collection[int], *, provider_id: int) -> int:
    """End files of a company, in the transaction in which what they belonged to ends; how many.

    Call it when nothing refers to them any more. What is in the store leaves it afterwards, by the
    outbox: whatever dies, no row is without its file and no file stays that has no row.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a file is dropped in the transaction of what it belonged to")
    own = StoredFile.objects.for_provider(provider_id).filter(pk__in=keys)
    held = list(own.order_by("pk").select_for_update().values_list("pk", "place"))
    places = [place for _pk, place in held if place]
    StoredFile.objects.unscoped().filter(pk__in=[pk for pk, _place in held]).delete()
    outbox.emit_all(
        outbox.Draft(
            topic=DROP_TOPIC,
            provider_id=provider_id,
            object_key=f"{DROP_TOPIC}:{uuid7()}",
            payload={"places": places[start : start + DROPPED_TOGETHER]},
        )
        for start in range(0, len(places), DROPPED_TOGETHER)
    )
    return len(held)


@outbox.handler(DROP_TOPIC)
def delete_dropped(delivery: outbox.Delivery) -> None:
    """Delete dropped files from the store; what is gone already is no failure."""
    for place in delivery.payload["places"]:
        storages[ALIAS].delete(place)


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
