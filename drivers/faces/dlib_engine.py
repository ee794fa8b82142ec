"""dlib's engine: HOG detector, five landmarks, ResNet embedding; in a program apart.

Its packages (requirements-faces.txt) are never imported here, so that the web process neither
grows by them nor decodes anything with them; the models are files of a package that holds nothing
else. Not here: what a face is good for (`drivers.faces.judging`).
"""

import importlib.metadata
import importlib.util
import json
import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drivers.errors import FaceEngineBusy, FaceEngineUnavailable
from drivers.faces import Face
from voltop import bounded

PACKAGES = ("dlib", "numpy", "face_recognition_models")
CHILD = Path(__file__).resolve().with_name("dlib_child.py")
WAIT_S = 20
AT_ONCE = 2
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}
_places = threading.BoundedSemaphore(AT_ONCE)


class DlibEngine:
    """Two photos' programs at once in a process; a start costs about a second of processor time."""

    model = "dlib-resnet-v1/5-point"

    def __init__(self) -> None:
        if any(importlib.util.find_spec(package) is None for package in PACKAGES):
            raise FaceEngineUnavailable(retry_after_s=3600)
        self.version = f"dlib {importlib.metadata.version('dlib-bin')}"

    def look(self, photos: Sequence[bytes]) -> list[list[Face]]:
        if not _places.acquire(timeout=WAIT_S):
            raise FaceEngineBusy(retry_after_s=5)
        try:
            answer = self.answer_to(photos)
        finally:
            _places.release()
        return [[_face(found) for found in faces] for faces in answer["photos"]]

    @staticmethod
    def answer_to(photos: Sequence[bytes]) -> dict[str, Any]:
        """What the program says: `photos`, a list of faces each, and its own `figures`."""
        given = b"".join(struct.pack(">I", len(photo)) + photo for photo in photos)
        answered = bounded.run(CHILD, given, wait_s=WAIT_S, environment=ENVIRONMENT)
        if answered is None:
            raise FaceEngineUnavailable(retry_after_s=60)
        answer: dict[str, Any] = json.loads(answered)
        return answer


def _face(found: dict[str, Any]) -> Face:
    return Face(**{**found, "embedding": tuple(found["embedding"])})
