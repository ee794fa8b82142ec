"""A telemetry source as the one for whom a request speaks."""

from typing import Any

from django.http import HttpRequest

from fleets.principals import named_provider
from telemetry.models import TelemetrySource
from voltop.context import Actor
from voltop.errors import NotFound

SEND_SAMPLES = "telemetry.send_samples"


class SourcePrincipal:
    """A source may send samples and nothing else."""

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False

    def __init__(self, source: TelemetrySource) -> None:
        self.source = source
        self.id = self.pk = source.pk
        self.provider_id: int | None = source.provider_id

    def __str__(self) -> str:
        return self.source.name

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return perm == SEND_SAMPLES

    def activate(self, request: HttpRequest) -> None:
        """A source speaks for its own provider (the platform's for none); another's is 404."""
        if named_provider(request) not in (None, self.source.provider_id):
            raise NotFound()

    def counted_as(self) -> list[tuple[str, Any]]:
        return [("source", self.source.pk)]

    def actor(self) -> Actor:
        return Actor("source", self.source.pk, self.source.provider_id, self.source.name)
