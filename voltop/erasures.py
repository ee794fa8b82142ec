"""Erasures that an old backup cannot undo: each is noted outside the database before it is done.

Erasing destroys a key and empties rows, in the database alone: a backup from before, restored,
would bring back rows and key. So a note goes first into the private store (`erased/`), which no
restore of the database touches. It tells kind, number and birth of the row, and nothing about who
it was; a number that was given out anew after a restore is not the same row. `apply_again` does
what the notes say; `migrate` ends with it, and `/readyz` answers 503 until it was done.

A store that is not there looks like one without notes. So the first process that is ready leaves a
marker beside them, and the database remembers that there is one: without it nothing is known.

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
from django.db import transaction

from voltop import registry
from voltop.jobs import JobRun, claim_run

ALIAS = "private"
FOLDER = "erased"
MARKER = f"{FOLDER}/marker"
REMEMBERED = ("voltop.mark_store", "once")
"""The run by which the database remembers that the store has its marker."""


class StoreMissing(Exception):
    """The database has seen a store with a marker, and this one has none."""


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
    for name in sorted(name for name in names if name.endswith(".json")):
        with store.open(f"{FOLDER}/{name}") as file:
            yield Note(**json.loads(file.read()))


def undone() -> list[Note]:
    """Notes whose row stands in this database and is not erased. Raises StoreMissing."""
    require_store()
    erased = registry.collect(registry.ERASED)
    return [note for note in notes() if note.kind in erased and not erased[note.kind](note)]


def require_store() -> None:
    """Raises StoreMissing where the store is not the one that this database has seen."""
    job, slot = REMEMBERED
    remembers = JobRun.objects.filter(job=job, slot=slot, provider_id=None).exists()
    if remembers and not storages[ALIAS].exists(MARKER):
        raise StoreMissing("the store of files has no marker: is it mounted?")


@transaction.atomic
def know_store() -> None:
    """Mark the store, and remember it in the database. Once."""
    if claim_run(*REMEMBERED):
        mark_store()


def mark_store() -> None:
    """Leave the marker where there is none; by itself, for a store in a lost one's place."""
    store = storages[ALIAS]
    if not store.exists(MARKER):
        store.save(MARKER, ContentFile(b"Notes of erasures are kept here: docs/operations.md"))


def apply_again() -> Counter[str]:
    """Erase again what a restore brought back; how many by kind. Safe to repeat.

    Raises StoreMissing.
    """
    again, done = registry.collect(registry.ERASE_AGAIN), Counter[str]()
    for note in undone():
        again[note.kind](note)
        done[note.kind] += 1
    return done
