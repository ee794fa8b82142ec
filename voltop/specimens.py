"""A picture of a paper that is none: for companies for tests and for the demo.

Needs no Django: the demo's city, a process of its own, draws too.
"""

import io
from collections.abc import Sequence

SIZE = (860, 540)


def specimen(title: str, lines: Sequence[str]) -> bytes:
    """A card (JPEG) with a title, a face that nobody has, and up to eight lines of text."""
    from PIL import Image, ImageDraw, ImageFont  # no other process of ours draws

    card = Image.new("RGB", SIZE, "#eef3f8")
    draw = ImageDraw.Draw(card)
    draw.rectangle((0, 0, SIZE[0], 84), fill="#1f4e79")
    draw.text((32, 22), title.upper(), font=ImageFont.load_default(34), fill="white")
    draw.rectangle((40, 124, 270, 420), fill="#c9d6e3")
    draw.ellipse((105, 160, 205, 270), fill="#8fa5bb")
    draw.chord((75, 280, 235, 520), 180, 360, fill="#8fa5bb")
    for number, line in enumerate(lines[:8]):
        place = (310, 130 + 38 * number)
        draw.text(place, line, font=ImageFont.load_default(24), fill="#22303c")
    draw.text((310, 470), "SPECIMEN", font=ImageFont.load_default(40), fill="#c62828")
    out = io.BytesIO()
    card.save(out, "JPEG", quality=80)
    return out.getvalue()
