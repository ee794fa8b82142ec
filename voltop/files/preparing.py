"""Taking a stranger's file: recognised by what stands in it, looked through in a child, made safe.

Not here: keeping it (`voltop.files.store`), and who may.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voltop import bounded
from voltop.context import Actor
from voltop.errors import DomainError
from voltop.files import errors
from voltop.files.names import safe_name

MAX_BYTES = 10_000_000
WAIT_S = 10
AT_ONCE = 2
CHILD = Path(__file__).resolve().with_name("child.py")
STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%PDF-1.", b"%PDF-2.")
REFUSALS: dict[str, type[DomainError]] = {
    refusal.code: refusal
    for refusal in (
        errors.UnreadableFile,
        errors.ImageTooLarge,
        errors.AnimatedImage,
        errors.ActivePdf,
    )
}
_under_way: set[object] = set()
"""Whose files are being looked through at this moment."""
_turns = threading.Condition()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that may be kept and shown: only `prepare` makes one."""

    content: bytes
    content_type: str
    name: str


def prepare(content: bytes, *, name: str = "", actor: Actor | None = None) -> Prepared:
    """The file as it is kept: a photo as a fresh JPEG, a PDF as it came if nothing in it acts.

    It takes up to seconds and holds no lock: call it before the transaction. Two at once in a
    process, and one of an actor's, who so leaves the other place free whatever they send. Raises
    EmptyFile, UnreadableFile, AnimatedImage, ActivePdf (400), FileTooLarge, ImageTooLarge (413),
    UnsupportedFile (415), FilesBusy (503).
    """
    if not content:
        raise errors.EmptyFile(field="content")
    if len(content) > MAX_BYTES:
        raise errors.FileTooLarge(field="content", limit_bytes=MAX_BYTES)
    webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    if not webp and not content.startswith(STARTS):
        raise errors.UnsupportedFile(field="content")
    answer, written = _looked_through(content, actor)
    code = answer.pop("code", None)
    if code is not None:
        raise REFUSALS[str(code)](field="content", **answer)
    content_type = str(answer["content_type"])
    return Prepared(written or content, content_type, safe_name(name, content_type))


def _looked_through(content: bytes, actor: Actor | None) -> tuple[dict[str, Any], bytes]:
    """What the child says of it, and the file that it wrote; its death is a refusal."""
    with _turn(object() if actor is None else str(actor)):
        answered = bounded.run(CHILD, content, wait_s=WAIT_S)
    if answered is None:
        return {"code": errors.ImageTooLarge.code}, b""
    line, _newline, written = answered.partition(b"\n")
    answer: dict[str, Any] = json.loads(line)
    return answer, written


@contextmanager
def _turn(whose: object) -> Iterator[None]:
    """Wait for a place, and for the end of another file of the same one. Raises FilesBusy."""
    with _turns:
        free = _turns.wait_for(
            lambda: len(_under_way) < AT_ONCE and whose not in _under_way, timeout=WAIT_S
        )
        if not free:
            raise errors.FilesBusy(retry_after_s=5)
        _under_way.add(whose)
    try:
        yield
    finally:
        with _turns:
            _under_way.remove(whose)
            _turns.notify_all()
