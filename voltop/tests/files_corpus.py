"""Files that want to do harm, or only look odd, made on the spot; what must become of each.

`fate` is the code of the refusal, or "kept": looked through, and written anew where it is a photo.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

GPS, ORIENTATION, DESCRIPTION = 0x8825, 0x0112, 0x010E
SCRIPT = b"<script>alert('cnryScript')</script>"
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[], bytes]
    fate: str
    file_name: str = "photo.jpg"


def jpeg(size: tuple[int, int] = (60, 40), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, "JPEG", **options)
    return out.getvalue()


def held_sideways() -> bytes:
    """Red above blue as the camera saw it, to be turned right by a quarter; with a place."""
    image = Image.new("RGB", (60, 40), "blue")
    image.paste("red", (0, 0, 60, 20))
    exif = image.getexif()
    exif[ORIENTATION] = 6
    exif[DESCRIPTION] = SCRIPT.decode()
    exif.get_ifd(GPS).update({1: "N", 2: (19.0, 25.0, 42.0), 3: "W", 4: (99.0, 7.0, 39.0)})
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, comment=SCRIPT, quality=95)
    return out.getvalue()


def many_comments() -> bytes:
    raw = jpeg()
    return raw[:2] + b"\xff\xfe\x00\x06cmnt" * 65_535 + raw[2:]


def png(*chunks: bytes, size: tuple[int, int] = (4, 4)) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    rows = zlib.compress(b"".join(b"\0" + b"\x10" * 12 for _ in range(4)))
    body = header + b"".join(chunks) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def deflated_zeros(megabytes: int) -> bytes:
    packer, block = zlib.compressobj(1), bytes(1 << 20)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


def moving(form: str) -> bytes:
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 80, 160)]
    out = io.BytesIO()
    frames[0].save(out, form, save_all=True, append_images=frames[1:], duration=40)
    return out.getvalue()


def archive(*names: str, text: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for number, name in enumerate(names):
            info = zipfile.ZipInfo(name)
            if number == 1:
                info.external_attr = 0o120777 << 16  # a symbolic link
            file.writestr(info, text)
    return out.getvalue()


def pdf(*objects: bytes, catalog: bytes = b"", trailer: bytes = b"", end: bytes = b"") -> bytes:
    """A document of one empty page, with more objects, entries of its catalog, and an end."""
    body = [
        b"<< /Type /Catalog /Pages 2 0 R " + catalog + b" >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
        *objects,
    ]
    out = b"%PDF-1.7\n" + b"".join(
        b"%d 0 obj\n%s\nendobj\n" % (number, text) for number, text in enumerate(body, 1)
    )
    head = b"xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Root 1 0 R /Size 9 " + trailer
    return out + head + b" >>\nstartxref\n%d\n%%%%EOF\n" % len(out) + end


def stream(head: bytes, data: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (head, len(data), data)


def packed(text: bytes) -> bytes:
    """Objects in a stream, where nobody sees their words."""
    return stream(b"/Type /ObjStm /N 1 /First 5 /Filter /FlateDecode", zlib.compress(text))


def scan() -> bytes:
    """A photo on a page, as scanners and phones make it."""
    out = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(out, "PDF")
    return out.getvalue()


SCRIPTED = b"9 0  << /S /JavaScript /JS (1) >>"
JS = b"/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>"

IMAGES = (
    Case("held_sideways_with_a_place", held_sideways, "kept"),
    Case("html_behind_the_picture", lambda: jpeg() + b"<html>" + SCRIPT, "kept"),
    Case("65535_comments", many_comments, "kept"),
    Case("cut_off", lambda: jpeg((400, 400), quality=95)[:-900], "unreadable_file"),
    Case("50000_by_50000", lambda: png(size=(50_000, 50_000)), "image_too_large"),
    Case("long_and_thin", lambda: png(size=(400_000, 1)), "image_too_large"),
    Case(
        "text_that_swells",
        lambda: png(chunk(b"zTXt", b"k\0\0" + deflated_zeros(64))),
        "unreadable_file",
    ),
    Case(
        "profile_that_swells",
        lambda: png(chunk(b"iCCP", b"k\0\0" + deflated_zeros(64))),
        "unreadable_file",
    ),
    Case("moving_webp", lambda: moving("WEBP"), "animated_image", "a.webp"),
    Case("moving_png", lambda: moving("PNG"), "animated_image", "a.png"),
    Case("start_of_a_jpeg", lambda: b"\xff\xd8\xff", "unreadable_file"),
)
PDFS = (
    Case("plain_pdf", pdf, "kept", "paper.pdf"),
    Case("scan", scan, "kept", "scan.pdf"),
    Case(
        "words_on_a_page",
        lambda: pdf(stream(b"/Filter /FlateDecode", zlib.compress(b"BT (JavaScript) Tj ET"))),
        "kept",
    ),
    Case(
        "script_and_a_trailer_in_a_circle",
        lambda: pdf(catalog=JS, trailer=b"/Prev 9"),
        "active_pdf",
    ),
    Case(
        "script_spelt_by_numbers",
        lambda: pdf(catalog=b"/OpenAction << /S /#4aava#53cript >>"),
        "active_pdf",
    ),
    Case(
        "script_in_a_packed_object",
        lambda: pdf(packed(SCRIPTED)),
        "active_pdf",
    ),
    Case(
        "script_in_a_packed_object_that_does_not_end",
        lambda: pdf(packed(SCRIPTED).replace(b"endstream", b"")),
        "active_pdf",
    ),
    Case(
        "script_in_a_packed_object_behind_an_old_macs_line_end",
        lambda: pdf(packed(SCRIPTED).replace(b">>\nstream\n", b">>\nstream\r")),
        "active_pdf",
    ),
    Case(
        "script_in_a_packed_object_behind_a_comment",
        lambda: pdf(packed(SCRIPTED).replace(b">>\nstream\n", b">>%x\nstream \n")),
        "active_pdf",
    ),
    Case(
        "a_title_with_the_word",
        lambda: pdf(b"<< /Title (A stream of words, and a downstream one) >>"),
        "kept",
    ),
    Case(
        "script_in_an_object_packed_twice",
        lambda: pdf(
            stream(
                b"/Filter [/ASCIIHexDecode /FlateDecode]",
                zlib.compress(b"<< /S /JavaScript >>").hex().encode() + b">",
            )
        ),
        "active_pdf",
    ),
    Case(
        "packed_in_a_way_nobody_looks_into",
        lambda: pdf(stream(b"/Type /ObjStm /Filter /LZWDecode", b"\x80\x0b")),
        "active_pdf",
    ),
    Case(
        "a_stream_that_swells",
        lambda: pdf(stream(b"/Filter /FlateDecode", deflated_zeros(200))),
        "active_pdf",
    ),
    Case(
        "file_in_a_file",
        lambda: pdf(stream(b"/Type /EmbeddedFile", b"MZ")),
        "active_pdf",
    ),
    Case("starts_a_program", lambda: pdf(catalog=b"/AA << /O << /S /Launch >> >>"), "active_pdf"),
    Case(
        "opens_a_file_elsewhere",
        lambda: pdf(catalog=rb"/OpenAction << /S /Thread /F (\\\\host\\x.pdf) >>"),
        "active_pdf",
    ),
    Case(
        "goes_on_in_a_file_elsewhere",
        lambda: pdf(stream(b"/F (http://host.example/x)", b"")),
        "active_pdf",
    ),
    Case(
        "a_million_streams_that_never_end",
        lambda: pdf(stream(b"", b"stream\n" * 1_000_000).replace(b"endstream", b"")),
        "active_pdf",
    ),
    Case("locked", lambda: pdf(trailer=b"/Encrypt 8 0 R"), "active_pdf"),
    Case("archive_behind_it", lambda: pdf(end=archive("a.html")), "unreadable_file"),
    Case(
        "archive_in_it",
        lambda: pdf(stream(b"", archive("a.html"))),
        "active_pdf",
    ),
    Case("only_the_name_of_one", lambda: b"%PDF-1.7\n%%EOF\n", "unreadable_file"),
)
OTHERS = (
    Case("nested_zip", lambda: archive("b.zip", text=archive("c", text=bytes(9999))), "", "a.zip"),
    Case("swelling_docx", lambda: archive("word/a.xml", text=bytes(5_000_000)), "", "a.docx"),
    Case("zip_that_climbs", lambda: archive("../../etc/passwd", "/link"), "", "a.zip"),
    Case(
        "zip_of_100000_entries",
        lambda: archive("a").replace(b"\1\0\1\0", b"\xff\xff\xff\xff"),
        "",
        "a.zip",
    ),
    Case("moving_gif", lambda: b"GIF89a" + bytes(1000), "", "a.gif"),
    Case("svg_with_script", lambda: b"<svg>" + SCRIPT + b"</svg>", "", "a.svg"),
    Case(
        "svg_that_fetches",
        lambda: b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
        "",
        "a.svg",
    ),
    Case("fits_bomb", lambda: b"SIMPLE  =                    T", "", "a.fits"),
    Case("tiff_bomb", lambda: b"II*\0" + bytes(100), "", "a.tiff"),
    Case("heic", lambda: b"\0\0\0\x18ftypheic" + bytes(100), "", "a.heic"),
    Case("page_called_photo", lambda: b"<!doctype html>" + SCRIPT, ""),
    Case("program_called_photo", lambda: b"MZ\x90\0" + bytes(200), ""),
    Case("eicar", lambda: EICAR, ""),
    Case("one_byte", lambda: b"\xff", ""),
    Case("csv_in_utf16", lambda: "a,b\n1,2\n".encode("utf-16"), "", "a.csv"),
    Case("csv_of_quotes", lambda: b'"a,"b\n' * 100, "", "a.csv"),
    Case("billion_laughs", lambda: b'<!DOCTYPE a [<!ENTITY b "&c;&c;">]><a>&b;</a>', "", "a.xml"),
    Case("nothing", lambda: b"", "empty_file"),
    Case("a_byte_too_many", lambda: b"\xff\xd8\xff" + bytes(10_000_000 - 2), "file_too_large"),
)
NAMES = {
    "../../etc/passwd": "passwd.jpg",
    "C:\\papers\\licence.jpeg": "licence.jpg",
    "a\0b.jpg": "ab.jpg",
    "licence\u202egpj.exe": "licencegpj.jpg",
    "x" * 300: "x" * 80 + ".jpg",
    "CON": "file_CON.jpg",
    ".htaccess": "htaccess.jpg",
    'a"; filename="b.html\r\nSet-Cookie: x=1': "a_ filename_b_htmlSet-Cookie_ x_1.jpg",
    "": "file.jpg",
    "Führerschein Größe.JPG": "Führerschein Größe.jpg",
}
"""What people, and others, call a file, and what becomes of it."""
