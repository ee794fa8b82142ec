"""Private files that people hand in: looked through, made safe, kept sealed, handed out to few.

prepared = files.prepare(content, name="licence.jpg", actor=actor)  # before the transaction
stored = files.keep(prepared, subject=…, provider_id=…)  # in it, with the row it belongs to
response = files.download(stored)  # in a view that has checked access
"""

from voltop.files.preparing import MAX_BYTES, Prepared, prepare
from voltop.files.responses import download
from voltop.files.store import drop, held_bytes, keep, kept_since, move_kept, read
from voltop.tables import StoredFile

__all__ = [
    "MAX_BYTES",
    "Prepared",
    "StoredFile",
    "download",
    "drop",
    "held_bytes",
    "keep",
    "kept_since",
    "move_kept",
    "prepare",
    "read",
]
