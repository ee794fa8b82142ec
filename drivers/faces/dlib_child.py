"""A program of its own that finds the faces of photos: `python -I dlib_child.py < photos`.

In: each photo as four bytes of length and a JPEG. Out: one JSON with a list of faces for each, as
`drivers.faces.Face` has them, and what the program itself took. No module of the product is
imported. Only two of the model package's files are read: its 68-point landmarks were trained on
pictures that may not be used commercially.
"""

import importlib.util
import json
import resource
import struct
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

MEMORY_BYTES = 700_000_000
CPU_S = 20
LONGER_SIDE_PX = 1_000
LEAST_SCORE = 0.25
"""Of a detection: below it lies what looks a little like a face (a knee, a badge)."""
CHIP_PX = 150
LANDMARKS = "shape_predictor_5_face_landmarks.dat"
NETWORK = "dlib_face_recognition_resnet_model_v1.dat"


def models() -> Path:
    """Where the package's files are; it is not imported, since it needs what Python has not got."""
    spec = importlib.util.find_spec("face_recognition_models")
    return Path((spec.submodule_search_locations if spec else [])[0]) / "models"  # type: ignore[index]


class Eyes:
    """Detector, landmarks and network, loaded once."""

    def __init__(self) -> None:
        import dlib
        import numpy

        self.dlib, self.np = dlib, numpy
        self.detector = dlib.get_frontal_face_detector()
        self.landmarks = dlib.shape_predictor(str(models() / LANDMARKS))
        self.network = dlib.face_recognition_model_v1(str(models() / NETWORK))

    def faces(self, jpeg: bytes) -> list[dict[str, Any]]:
        from PIL import Image

        with Image.open(BytesIO(jpeg), formats=("JPEG",)) as image:
            image.thumbnail((LONGER_SIDE_PX, LONGER_SIDE_PX))
            pixels = self.np.array(image.convert("RGB"))
        boxes, _scores, _kinds = self.detector.run(pixels, 0, LEAST_SCORE)
        return [self._face(pixels, box) for box in boxes]

    def _face(self, pixels: Any, box: Any) -> dict[str, Any]:
        shape = self.landmarks(pixels, box)
        chip = self.dlib.get_face_chip(pixels, shape, CHIP_PX)
        grey = chip @ self.np.array([0.299, 0.587, 0.114])
        turn, tilt = self._pose([(point.x, point.y) for point in shape.parts()])
        return {
            "embedding": list(self.network.compute_face_descriptor(chip)),
            "width_px": int(box.width()),
            "sharpness": self._sharpness(grey),
            "light": float(grey.mean()),
            "turn": turn,
            "tilt": tilt,
        }

    def _sharpness(self, grey: Any) -> float:
        """Variance of the Laplacian (Pech-Pacheco 2000), by contrast squared: light cancels out."""
        middle = grey[1:-1, 1:-1]
        around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
        return float((around - 4 * middle).var() / max(grey.var(), 1.0))

    def _pose(self, points: list[tuple[int, int]]) -> tuple[float, float]:
        """Corners of one eye, of the other, and below the nose; along and across the eyes' line."""
        corners = self.np.array(points, dtype=float)
        one, other = corners[0:2].mean(axis=0), corners[2:4].mean(axis=0)
        apart = float(self.np.linalg.norm(one - other)) or 1.0
        along = (one - other) / apart
        nose = (corners[4] - (one + other) / 2) / apart
        return float(nose @ along), float(abs(nose @ self.np.array([-along[1], along[0]])))


def photos_of(given: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(given):
        (length,) = struct.unpack_from(">I", given, place)
        yield given[place + 4 : place + 4 + length]
        place += 4 + length


def peak_mb() -> int:
    """The most memory that it held at once. (getrusage tells of whoever started it, too.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    [line] = [one for one in lines if one.startswith("VmHWM")]
    return int(line.split()[1]) // 1024


def main() -> None:
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(what, (most, most))
    given, begun = sys.stdin.buffer.read(), time.monotonic()
    eyes = Eyes()
    loaded = time.monotonic()
    found = [eyes.faces(photo) for photo in photos_of(given)]
    figures = {
        "cpu_s": round(time.process_time(), 3),
        "load_s": round(loaded - begun, 3),
        "look_s": round(time.monotonic() - loaded, 3),
        "memory_mb": peak_mb(),
    }
    sys.stdout.write(json.dumps({"photos": found, "figures": figures}))


if __name__ == "__main__":
    main()
