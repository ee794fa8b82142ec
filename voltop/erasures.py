"""Erasures that an old backup cannot undo: each is noted outside the database before it is done.

Erasing destroys a key and empties rows, in the database alone: a backup from before, restored,
would bring back rows and key. So a note goes first into the private store (`erased/`), which no
restore of the database touches. It tells kind, number and birth of the row, and nothing about who
it was; a number that was given out anew after a restore is not the same row. `apply_again` does
what the notes say; `migrate` ends with it, and `/readyz` answers 503 until it was done.

An app that erases registers both under its kind: `registry.ERASED`, `registry.ERASE_AGAIN`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import storages

from voltop import registry

ALIAS = "private"
FOLDER = "erased"


@dataclass(frozen=True, slots=True)
class Note:
    """What was erased: `made_at` is the row's `created_at`, both times ISO 8601 in UTC."""

    kind: str
    object_id: int
    provider_id: int
    made_at: str
    erased_at: str

    @property
    def name(self) -> str:
        """Where it is kept: the same for the same row, however often it is erased."""
        born = hashlib.sha256(self.made_at.encode()).hexdigest()[:12]
        return f"{FOLDER}/{self.kind}-{self.provider_id}-{self.object_id}-{born}.json"


def write_note(row: Any, at: datetime) -> Note:
    """Note that a row is to be erased, before that is done; noted before is noted.

    Not in a transaction: whoever reads the note later must find it whatever became of that.
    """
    note = Note(
        kind=row._meta.label_lower,
        object_id=row.pk,
        provider_id=row.provider_id,
        made_at=row.created_at.isoformat(),
        erased_at=at.isoformat(),
    )
    store = storages[ALIAS]
    if not store.exists(note.name):
        store.save(note.name, ContentFile(json.dumps(asdict(note)).encode()))
    return note


def notes() -> Iterator[Note]:
    """All notes there are."""
    store = storages[ALIAS]
    try:
        _folders, names = store.listdir(FOLDER)
    except FileNotFoundError:  # nothing was ever erased
        return
    for name in sorted(names):
        with store.open(f"{FOLDER}/{name}") as file:
            yield Note(**json.loads(file.read()))


def undone() -> list[Note]:
    """Notes whose row stands in this database and is not erased."""
    erased = registry.collect(registry.ERASED)
    return [note for note in notes() if note.kind in erased and not erased[note.kind](note)]


def apply_again() -> Counter[str]:
    """Erase again what a restore brought back; how many by kind. Safe to repeat."""
    again, done = registry.collect(registry.ERASE_AGAIN), Counter[str]()
    for note in undone():
        again[note.kind](note)
        done[note.kind] += 1
    return done
