"""Model files that come with the package of face models and must not stay: `python -m` deletes.

The 68-point landmarks were trained on the iBUG 300-W pictures, whose licence excludes commercial
use; the CNN detector is slow without a graphics card and never loaded.
"""

import importlib.util
from pathlib import Path

NAMES = ("shape_predictor_68_face_landmarks.dat", "mmod_human_face_detector.dat")


def forbidden_files() -> list[Path]:
    """Those of the files that are installed."""
    spec = importlib.util.find_spec("face_recognition_models")
    folders = spec.submodule_search_locations if spec else None
    models = [Path(folder) / "models" for folder in folders or []]
    return [path for folder in models for name in NAMES if (path := folder / name).exists()]


if __name__ == "__main__":
    for path in forbidden_files():
        path.unlink()
