"""Names of files: what a person called one, made harmless; never where it is kept."""

import re
import unicodedata

MAX_CHARACTERS = 80
EXTENSIONS = {"image/jpeg": "jpg", "application/pdf": "pdf"}
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)


def safe_name(name: str, content_type: str) -> str:
    """The last part of a name, of letters, digits and a few signs, with its content's ending.

    No folder, control or direction character, quote, leading dot or device's name is left of it.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFKC", name))[-1]
    stem = re.sub(r"\.[A-Za-z0-9]{1,5}\Z", "", last)
    kept = "".join(
        sign if sign.isalnum() or sign in " -_()" else "_" for sign in stem if sign.isprintable()
    )
    kept = re.sub(r"_{2,}", "_", kept)[:MAX_CHARACTERS].strip(" _-")
    if not kept or _RESERVED.fullmatch(kept):
        kept = f"file_{kept}".rstrip("_")
    return f"{kept}.{EXTENSIONS[content_type]}"
