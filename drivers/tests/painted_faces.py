"""Faces for tests that are about everything but recognising: painted, and read back from pixels.

A picture is a row of squares, black or white, that spell the faces in it; it survives being
decoded and written anew like any photo. Whose face: a number. `take`: another photo of the same
person, a little different. The engine is honest about its name and is set in test settings only.
"""

import random
from dataclasses import asdict, dataclass, replace
from io import BytesIO

from PIL import Image

from drivers import services
from drivers.errors import FaceEngineUnavailable
from drivers.faces import DIMENSIONS, Face, consent
from drivers.models import Driver, FaceTemplate
from fleets.models import FleetPolicy, FleetProvider
from voltop import files

SQUARE_PX = 16
BITS = {"faces": 2, "person": 8, "take": 6, "small": 1, "dark": 1, "bright": 1, "blurred": 1,
        "turned": 1}  # fmt: skip
GOOD = Face((), width_px=200, sharpness=0.05, light=120.0, turn=0.0, tilt=0.7)
FAULTS = {
    "small": {"width_px": 40},
    "dark": {"light": 10.0},
    "bright": {"light": 240.0},
    "blurred": {"sharpness": 0.001},
    "turned": {"turn": 0.4},
}


@dataclass(frozen=True)
class Painting:
    """What a picture spells; a person's photos differ by their take."""

    person: int = 1
    take: int = 0
    faces: int = 1
    small: int = 0
    dark: int = 0
    bright: int = 0
    blurred: int = 0
    turned: int = 0


def painted(person: int = 1, take: int = 0, *, kind: str = "PNG", **said: int) -> bytes:
    """A picture of the person, with the faults that are said."""
    values = asdict(Painting(person, take, **said))
    bits = "".join(f"{values[name]:0{width}b}" for name, width in BITS.items())
    picture = Image.new("L", (SQUARE_PX * len(bits), SQUARE_PX))
    for place, bit in enumerate(bits):
        picture.paste(255 * int(bit), (place * SQUARE_PX, 0, (place + 1) * SQUARE_PX, SQUARE_PX))
    written = BytesIO()
    picture.convert("RGB").save(written, kind)
    return written.getvalue()


def photo(person: int = 1, take: int = 0, **said: int) -> files.Prepared:
    """The same as it comes out of `files.prepare`."""
    return files.Prepared(painted(person, take, kind="JPEG", **said), "image/jpeg", "file.jpg")


def spelt(photo: bytes) -> Painting:
    picture = Image.open(BytesIO(photo)).convert("L")
    middle = SQUARE_PX // 2
    count = sum(BITS.values())
    pixels = [picture.getpixel((place * SQUARE_PX + middle, middle)) for place in range(count)]
    bits = "".join("1" if pixel > 127 else "0" for pixel in pixels)
    values, place = {}, 0
    for name, width in BITS.items():
        values[name] = int(bits[place : place + width], 2)
        place += width
    return Painting(**values)


def embedding(person: int, take: int = 0) -> tuple[float, ...]:
    """Two people are 0.8 to 1.2 apart, two takes of one about 0.2."""
    whose, which = random.Random(person), random.Random(f"{person}/{take}")
    return tuple(whose.gauss(0, 0.06) + which.gauss(0, 0.012) for _ in range(DIMENSIONS))


class PaintedFaces:
    """Sees what was painted; `is_down` makes it the engine that is not there."""

    model = "painted"
    version = "painted 1"
    is_down = False
    looked = 0

    def __init__(self) -> None:
        if PaintedFaces.is_down:
            raise FaceEngineUnavailable(retry_after_s=60)

    def look(self, photos):
        PaintedFaces.looked += len(photos)
        return [self._faces(spelt(photo)) for photo in photos]

    def _faces(self, seen: Painting) -> list[Face]:
        face = replace(GOOD, embedding=embedding(seen.person, seen.take))
        for fault, values in FAULTS.items():
            if getattr(seen, fault):
                face = replace(face, **values)
        return [face] * seen.faces


def ask_for_faces(provider: FleetProvider, mode: str = "always", **values) -> None:
    FleetPolicy.objects.filter(provider=provider).update(face_check=mode, **values)


def enrol(cast, driver: Driver, person: int = 1, **values) -> FaceTemplate:
    """A template of the person, by three photos; by `actor`, or whoever sets the cast's scenes."""
    photos = [photo(person, take) for take in (1, 2, 3)]
    values = {"photos": photos, "consent_version": consent.VERSION, **values}
    values["actor"] = values.get("actor") or cast.actor(driver.provider)
    return services.enrol_face(driver, **values)
