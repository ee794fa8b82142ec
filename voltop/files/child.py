"""A program of its own that looks through one file: `python -I child.py < file`.

Whatever a file of a stranger can do while it is decoded happens here, in a process with bounds on
memory, time and open files, without environment or network. It answers with one line of JSON, and
with the new file after it where there is one. Not here: who may hand files in, and their names.

A photo is decoded and written anew, turned upright, without anything that stood beside the picture
(place, camera, comments, profiles, what was appended). A PDF stays as it is, and is taken only
when all of it can be looked into and nothing in it acts. No module of the product is imported.
"""

import json
import re
import resource
import sys
import zlib
from base64 import a85decode
from binascii import unhexlify
from collections.abc import Iterator
from io import BytesIO

MEMORY_BYTES = 300_000_000
CPU_S = 5
MAX_SIDE_PX = 12_000
MAX_PIXELS = {"JPEG": 40_000_000, "MPO": 40_000_000, "PNG": 9_000_000, "WEBP": 6_000_000}
MAX_WHOLE_PIXELS = 12_500_000
"""A JPEG is decoded at a smaller scale; this much of it where it has to be held whole."""
KEPT_SIDE_PX = 2_000
DECODED_SIDE_PX = 1_400
QUALITY = 85

CHUNK = 1 << 20
MAX_INFLATED = 150_000_000
MAX_STREAMS = 20_000
HEAD = 4_000
"""Where the entries of a stream stand: this far before it at most."""


class Refused(Exception):
    """A file that is not taken: the code of the product's error, and its facts."""

    def __init__(self, code: str, **extra: object) -> None:
        self.answer = {"code": code, **extra}
        super().__init__(code)


# --- Photos --------------------------------------------------------------------------------------
def photo(raw: bytes) -> bytes:
    """The picture as a fresh JPEG. Raises Refused: image_too_large, animated_image."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # ours are judged before anything is decoded
    with Image.open(BytesIO(raw), formats=("JPEG", "PNG", "WEBP")) as image:
        _require_size(image.width, image.height, MAX_PIXELS[image.format or ""])
        if image.info.get("progressive"):
            _require_size(image.width, image.height, MAX_WHOLE_PIXELS)
        # Phones put a depth map behind the picture and call it a second frame (MPO): left away.
        if image.format != "MPO" and getattr(image, "n_frames", 1) != 1:
            raise Refused("animated_image")
        image.draft("RGB", (DECODED_SIDE_PX, DECODED_SIDE_PX))
        _require_size(image.width, image.height, MAX_WHOLE_PIXELS)
        image.thumbnail((KEPT_SIDE_PX, KEPT_SIDE_PX), reducing_gap=1.5)
        try:
            upright = ImageOps.exif_transpose(image)
        except Exception:
            upright = image  # what says how it was held cannot be read
        if upright.has_transparency_data:
            upright = upright.convert("RGBA")
            clean = Image.new("RGB", upright.size, "white")
            clean.paste(upright, mask=upright)
        else:
            clean = upright.convert("RGB")
    clean.info.clear()  # else Pillow writes what stands there: comments, XMP
    written = BytesIO()
    clean.save(written, "JPEG", quality=QUALITY)
    return written.getvalue()


def _require_size(width: int, height: int, most: int) -> None:
    if width * height > most or max(width, height) > MAX_SIDE_PX:
        raise Refused("image_too_large", most_pixels=most, most_side_pixels=MAX_SIDE_PX)


# --- PDF -----------------------------------------------------------------------------------------
ACTIVE = (
    *("JavaScript", "Launch", "SubmitForm", "ImportData", "GoToE", "GoToR", "Rendition", "Thread"),
    *("RichMedia", "EmbeddedFile", "EmbeddedFiles", "XFA", "Movie", "Sound"),
)
OPAQUE = {b"DCTDecode", b"DCT", b"JPXDecode", b"CCITTFaxDecode", b"CCF", b"JBIG2Decode"}
FLATE, A85, HEX = (
    {b"FlateDecode", b"Fl"},
    {b"ASCII85Decode", b"A85"},
    {b"ASCIIHexDecode", b"AHx"},
)
_STREAM = re.compile(rb"stream\r?\n")
_ODD_STREAM = re.compile(rb"(?<!end)stream(?!\r?\n)")
_FILTER = re.compile(rb"/Filter\s*(\[[^\]]*\]|/[A-Za-z0-9]+|[0-9]+\s+[0-9]+\s+R)")
_ELSEWHERE = re.compile(rb"/FFilter|/F\s*[(<]")
"""A stream whose content is another file, fetched from wherever its name says."""
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_ENDS = re.compile(rb"%%EOF[\r\n \t\0]*\Z")


def _spelt(name: str) -> bytes:
    """A name in a PDF, each character as itself or by its number."""
    return b"".join(
        b"(?:%s|#%s)" % (letter.encode(), b"(?i:%02x)" % ord(letter)) for letter in name
    )


_ACTS = re.compile(rb"/(?:%s)(?![A-Za-z0-9_#])" % b"|".join(map(_spelt, ACTIVE)))
_LOCKED = re.compile(rb"/(?:%s)(?![A-Za-z0-9_#])" % _spelt("Encrypt"))
_PAGES = re.compile(rb"/Type\s*/Pages?\b")
_OVERLAP = 64


def look_through(raw: bytes) -> None:
    """Refuse a PDF that acts, hides something or is something else as well.

    Raises Refused: unreadable_file, active_pdf with a reason.
    """
    if not _ENDS.search(raw[-1100:]) or b"startxref" not in raw[-4000:]:
        raise Refused("unreadable_file")
    if b"PK\x05\x06" in raw[-66_000:]:
        raise Refused("active_pdf", reason="archive")
    if _LOCKED.search(raw):
        raise Refused("active_pdf", reason="encrypted")
    has_pages = _judge(raw)
    left = MAX_INFLATED
    for number, (start, data) in enumerate(_streams(raw)):
        if number >= MAX_STREAMS:
            raise Refused("active_pdf", reason="too_much")
        head = raw[max(0, start - HEAD) : start]
        if b"obj" not in head:
            raise Refused("active_pdf", reason="hidden_stream")
        head = _ESCAPED.sub(lambda match: unhexlify(match[1]), head)
        for part in _decoded(head, data, left):
            left -= CHUNK
            has_pages |= _judge(part)
    if not has_pages:
        raise Refused("unreadable_file")


def _streams(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Where each stream begins, and what stands in it; every byte is looked at once."""
    for odd in _ODD_STREAM.finditer(raw):  # readers are not that strict about the end of the line
        before = raw[max(0, odd.start() - 400) : odd.start()].rstrip()
        if before.endswith(b">>") or b"%" in re.split(rb"[\r\n]", before)[-1]:
            raise Refused("active_pdf", reason="hidden_stream")
    at = 0
    while (found := _STREAM.search(raw, at)) is not None:
        end = raw.find(b"endstream", found.end())
        if end < 0:  # readers go by the length that is said
            raise Refused("active_pdf", reason="hidden_stream")
        yield found.start(), raw[found.end() : end].removesuffix(b"\n").removesuffix(b"\r")
        at = end + len(b"endstream")


def _judge(part: bytes) -> bool:
    """Whether pages are named in it; refuses what acts."""
    if (found := _ACTS.search(part)) is not None:
        name = _ESCAPED.sub(lambda match: unhexlify(match[1]), found[0])
        raise Refused("active_pdf", reason=name.decode("ascii", "replace").strip("/").lower())
    return _PAGES.search(part) is not None


def _decoded(head: bytes, data: bytes, left: int) -> Iterator[bytes]:
    """What stands in a stream, in overlapping parts; nothing of one that only holds a picture."""
    own = head.rpartition(b"endobj")[2]
    if _ELSEWHERE.search(own):
        raise Refused("active_pdf", reason="hidden_stream")
    if b"/Filter" not in own:
        return  # it was judged with the whole
    named = _FILTER.search(own)
    if named is None or b" R" in named[1]:
        raise Refused("active_pdf", reason="hidden_stream")
    filters = re.findall(rb"/([A-Za-z0-9]+)", named[1])
    if b"/First" in head and re.search(rb"/Predictor\s*(?!1\b)", head):
        raise Refused("active_pdf", reason="hidden_stream")
    for position, name in enumerate(filters):
        if name in OPAQUE:
            return
        if name in A85:
            data = a85decode(data.strip().removeprefix(b"<~").removesuffix(b"~>"))
        elif name in HEX:
            data = unhexlify(b"".join(data.split()).rstrip(b">"))
        elif name in FLATE and position == len(filters) - 1:
            yield from _inflated(data, left)
            return
        elif name in FLATE:
            data = b"".join(_inflated(data, min(left, 20 * CHUNK), overlap=0))
        else:
            raise Refused("active_pdf", reason="hidden_stream")
    yield data


def _inflated(data: bytes, left: int, overlap: int = _OVERLAP) -> Iterator[bytes]:
    unpacker, before = zlib.decompressobj(), b""
    while not unpacker.eof:
        if left <= 0:
            raise Refused("active_pdf", reason="too_much")
        part = unpacker.decompress(data, CHUNK)
        data = unpacker.unconsumed_tail
        if not part and not unpacker.eof:
            raise Refused("active_pdf", reason="hidden_stream")  # it goes on elsewhere
        yield before + part
        before = part[-overlap:] if overlap else b""
        left -= len(part)


# --- The program ---------------------------------------------------------------------------------
def _bound() -> None:
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(what, (most, most))


def answer_to(raw: bytes) -> tuple[dict[str, object], bytes]:
    """What is said of a file, and what is kept instead of it (nothing: itself)."""
    try:
        if raw.startswith((b"%PDF-1.", b"%PDF-2.")):
            look_through(raw)
            return {"content_type": "application/pdf"}, b""
        return {"content_type": "image/jpeg"}, photo(raw)
    except Refused as refusal:
        return refusal.answer, b""
    except MemoryError:
        return {"code": "image_too_large"}, b""
    except Exception:
        return {"code": "unreadable_file"}, b""


def main() -> None:
    _bound()
    answer, written = answer_to(sys.stdin.buffer.read())
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + written)


if __name__ == "__main__":
    main()
