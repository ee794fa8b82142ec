"""Whether a photo is good enough, and how far two faces are apart. Arithmetic only.

The bounds come from real photos, altered step by step (docs/faces.md): each lies where distances
to the unaltered photo of the same person begin to come near those of other people.
"""

from collections.abc import Sequence
from itertools import combinations
from math import dist

from drivers.errors import FacePhotoRefused, FacePhotosDisagree
from drivers.faces import Face

MIN_WIDTH_PX = 80
MIN_SHARPNESS = 0.007
LIGHT = (25.0, 195.0)
MAX_TURN = 0.25
TILT = (0.45, 1.15)
AGREE_WITHIN = 0.5
"""How far two photos of one enrolment may be apart."""


def the_face(faces: Sequence[Face], photo: int = 0) -> Face:
    """The one face of a photo that is good enough; `photo` is its number among those handed in.

    Raises FacePhotoRefused (400) with the reason.
    """
    reason = _refusal(faces)
    if reason:
        raise FacePhotoRefused(photo=photo, reason=reason)
    return faces[0]


def _refusal(faces: Sequence[Face]) -> str:
    if len(faces) != 1:
        return "several_faces" if faces else "no_face"
    [face] = faces
    if face.width_px < MIN_WIDTH_PX:
        return "too_small"
    if face.light < LIGHT[0]:
        return "too_dark"
    if face.light > LIGHT[1]:
        return "too_bright"
    if face.sharpness < MIN_SHARPNESS:
        return "blurred"
    if abs(face.turn) > MAX_TURN or not TILT[0] <= face.tilt <= TILT[1]:
        return "not_frontal"
    return ""


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Euclidean, as the models are trained: 0.6 is dlib's own line between people."""
    return dist(one, other)


def mean_of(faces: Sequence[Face]) -> tuple[float, ...]:
    """The template: the mean of the embeddings of photos that agree.

    Raises FacePhotosDisagree (400) with the two that are farthest apart.
    """
    embeddings = [face.embedding for face in faces]
    apart, pair = max(
        (distance(embeddings[a], embeddings[b]), (a, b))
        for a, b in combinations(range(len(embeddings)), 2)
    )
    if apart > AGREE_WITHIN:
        raise FacePhotosDisagree(photos=list(pair), distance=round(apart, 3))
    return tuple(sum(values) / len(values) for values in zip(*embeddings, strict=True))
