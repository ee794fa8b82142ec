"""Real photos for the proofs of the face engine, out of packages that ship them (`make faces`).

They are never part of the repository: requirements-face-photos.txt names the packages, unpacked
to build/face-photos. What is done to a photo here is what happens to photos in life.
"""

from collections.abc import Callable
from functools import partial
from io import BytesIO
from math import asin, cos, radians, sin
from random import Random

from PIL import Image, ImageChops, ImageEnhance, ImageFilter

from voltop.embedded.paths import CHECKOUT

FOLDER = CHECKOUT / "build" / "face-photos"
CROWD = "insightface/data/images/t1.jpg"
SINGLE = {
    "collins": "skimage/data/astronaut.png",
    "hopper": "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
    "hanks": "insightface/data/images/Tom_Hanks_54745.png",
}
OF_CROWD = {
    "crowd 1": (13, 232, 221, 440),
    "crowd 2": (683, 314, 888, 520),
    "crowd 3": (1063, 233, 1268, 439),
    "crowd 4": (390, 238, 639, 486),
    "crowd 5, turned": (232, 136, 405, 309),
    "crowd 6, turned": (831, 37, 1039, 244),
}
MASKED = [f"insightface/data/images/mask_{colour}.jpg" for colour in ("black", "blue", "white")]


def there() -> bool:
    return all((FOLDER / name).exists() for name in (CROWD, *SINGLE.values()))


def opened(name: str) -> Image.Image:
    return Image.open(FOLDER / name).convert("RGB")


def people() -> dict[str, Image.Image]:
    """One photo of each of nine people."""
    alone = {who: opened(name) for who, name in SINGLE.items()}
    return alone | {who: opened(CROWD).crop(box) for who, box in OF_CROWD.items()}


def jpeg(picture: Image.Image, **options: object) -> bytes:
    written = BytesIO()
    picture.save(written, "JPEG", **{"quality": 92, **options})
    return written.getvalue()


def held(picture: Image.Image, orientation: int, turn: int, *, said: bool) -> bytes:
    """As a phone held sideways writes it: turned, and (not) saying so."""
    exif = Image.Exif()
    if said:
        exif[0x0112] = orientation
    return jpeg(picture.rotate(turn, expand=True), exif=exif)


def _bright(factor: float) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: ImageEnhance.Brightness(picture).enhance(factor)


def _blurred(radius: float) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: picture.filter(ImageFilter.GaussianBlur(radius))


def _sized(factor: float) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: picture.resize([round(side * factor) for side in picture.size])


def _tilted(degrees: int) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: picture.rotate(degrees, resample=Image.Resampling.BICUBIC)


def recaptured(picture: Image.Image) -> Image.Image:
    """A photo of a screen or print: askew, flat, warm, with stripes and grain, a little soft."""
    w, h = picture.size
    corners = (-0.03 * w, -0.02 * h, 0.02 * w, 1.03 * h, 1.02 * w, 0.98 * h, 0.97 * w, 0.03 * h)
    seen = picture.transform((w, h), Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)
    flat = ImageEnhance.Contrast(seen).enhance(0.75)
    stripes = Image.new("L", (w, h))
    stripes.putdata([12 if x % 3 == 0 else 0 for _y in range(h) for x in range(w)])
    noise = Random(1).randbytes(w * h)  # the same in each run
    grain = Image.frombytes("L", (w, h), noise).point(lambda value: max(0, value - 128) // 6)
    for layer in (stripes, grain):
        flat = ImageChops.add(flat, layer.convert("RGB"))
    warm = Image.merge("RGB", [
        band.point(lambda value, by=by: round(value * by))
        for band, by in zip(flat.split(), (1.0, 0.97, 0.9), strict=True)
    ])  # fmt: skip
    return warm.filter(ImageFilter.GaussianBlur(0.6))


def turned_print(picture: Image.Image, degrees: float) -> Image.Image:
    """A print turned about its upright middle, seen by a phone one and a half widths away."""
    (w, h), angle = picture.size, radians(degrees)
    far, c, s = 1.5 * w, cos(angle), sin(angle)
    edges = [(x * c, far + x * s) for x in (-w / 2, w / 2)]  # beside the middle, and away
    left, right = (side * far / depth for side, depth in edges)
    top = -h / 2 * max(far / depth for _side, depth in edges)
    begin = far * c - left * s
    source = (
        (far - w / 2 * s, 0, (far - w / 2 * s) * left + w / 2 * far * c),
        (-h / 2 * s, far * c, far * c * top + h / 2 * begin),
        (-s, 0),
    )
    by = [value / begin for row in source for value in row]
    size = round(right - left), round(-2 * top)
    return picture.transform(size, Image.Transform.PERSPECTIVE, by, Image.Resampling.BICUBIC)


def bent_print(picture: Image.Image, degrees: float) -> Image.Image:
    """A print bent round a third of an upright tube, and the tube turned."""
    (w, h), arc, angle = picture.size, radians(120), radians(degrees)
    round_it = w / arc
    edges = (max(angle - arc / 2, -1.5), min(angle + arc / 2, 1.5))
    left, right = (round_it * sin(edge) for edge in edges)
    width = round(right - left)

    def seen_at(x: int) -> float:
        turned = asin(max(-1.0, min(1.0, (x + left) / round_it)))
        return ((turned - angle) / arc + 0.5) * w

    strips = [(n * width // 60, (n + 1) * width // 60) for n in range(60)]
    mesh = [
        ((a, 0, b, h), (seen_at(a), 0, seen_at(a), h, seen_at(b), h, seen_at(b), 0))
        for a, b in strips
    ]
    size = width, h
    return picture.transform(size, Image.Transform.MESH, mesh, Image.Resampling.BICUBIC)


def mirrored(picture: Image.Image) -> Image.Image:
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


ALTERED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "mirrored": mirrored,
    "half as bright": _bright(0.5),
    "a third brighter": _bright(1.3),
    "slightly soft": _blurred(0.7),
    "half again as large": _sized(1.5),
    "poor JPEG": lambda picture: Image.open(BytesIO(jpeg(picture, quality=20))),
    "grey": lambda picture: picture.convert("L").convert("RGB"),
    "head tilted 10 degrees": _tilted(10),
    "head tilted 20 degrees": _tilted(20),
}
"""What a check has to bear."""

SPOILT: dict[str, tuple[Callable[[Image.Image], Image.Image], set[str]]] = {
    "almost black": (_bright(0.1), {"too_dark", "no_face"}),
    "washed out": (_bright(2.6), {"too_bright", "no_face"}),
    "out of focus": (_blurred(4), {"blurred", "no_face"}),
    "far away": (_sized(0.3), {"too_small", "no_face"}),
    "upside down": (lambda picture: picture.rotate(180), {"no_face"}),
    "sideways": (lambda picture: picture.rotate(90, expand=True), {"no_face"}),
    "half covered": (
        lambda picture: picture.crop((0, 0, picture.width * 2 // 5, picture.height)),
        {"no_face", "not_frontal", "too_small"},
    ),
}
"""What must not be judged, and which reasons are right."""

MOVED: dict[str, Callable[[Image.Image], Image.Image]] = {
    **{f"head tilted {by}": _tilted(by) for by in (-10, 10, 20)},
    **{
        f"{kind} print turned {by}": partial(move, degrees=by)
        for kind, move in (("flat", turned_print), ("bent", bent_print))
        for by in (-60, -45, -30, 30, 45, 60)
    },
}
"""What moves a frontal face about without turning the head."""
