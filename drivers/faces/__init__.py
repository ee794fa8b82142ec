"""Faces in photos, behind one small interface: an engine looks, everything else is ours.

An engine says which faces stand in a photo and what each is like: 128 floats that are near for one
person and far for two, and what tells whether the photo is good enough. It decides nothing, keeps
nothing and knows no driver. `settings.FACE_ENGINE` names it; the one that ships is dlib's
(`drivers.faces.dlib_engine`), whose packages are an extra.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

DIMENSIONS = 128


@dataclass(frozen=True, slots=True)
class Face:
    """One face of a photo.

    `width_px`: of its box, in a photo whose longer side is at most 1,000 pixels. `sharpness`:
    variance of the Laplacian of the face, by the square of its contrast. `light`: mean brightness
    of the face, 0 to 255. `turn`, `tilt`: where the tip of the nose stands beside and below the
    middle of the eyes, in distances between the eyes.
    """

    embedding: tuple[float, ...]
    width_px: int
    sharpness: float
    light: float
    turn: float
    tilt: float


class Engine(Protocol):
    """`model` names what made an embedding: those of two models are never compared."""

    model: str
    version: str

    def look(self, photos: Sequence[bytes]) -> list[list[Face]]:
        """The faces of each photo (JPEG, upright). Seconds; holds no lock, needs no database.

        Raises FaceEngineUnavailable, FaceEngineBusy (503).
        """


def engine() -> Engine:
    """The engine of this deployment. Raises FaceEngineUnavailable (503) where it is not there."""
    made: Engine = import_string(settings.FACE_ENGINE)()
    return made
