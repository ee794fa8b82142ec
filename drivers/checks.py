"""System checks of drivers (voltop.E013)."""

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register

from drivers.faces.forbidden import forbidden_files


@register(Tags.compatibility)
def check_face_models(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The package of face models holds two files that may not be used here."""
    return [
        Error(
            f"{path} may not be used commercially, or is not needed.",
            hint="make faces removes it; so does python -m drivers.faces.forbidden.",
            id="voltop.E013",
        )
        for path in forbidden_files()
    ]
