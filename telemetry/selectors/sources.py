"""Finding a source by its credential."""

import hashlib
from datetime import datetime

from django.db.models import Q

from telemetry.models import TelemetrySource


def hash_token(raw: str) -> str:
    """What is stored of a token of 256 random bits: its SHA-256 in hex."""
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()


def source_of_token(raw: str, *, at: datetime) -> TelemetrySource | None:
    """The source whose present token this is, or the one before while that still holds."""
    hashed = hash_token(raw)
    holds = Q(token_hash=hashed) | Q(previous_token_hash=hashed, previous_token_until__gt=at)
    return TelemetrySource.objects.unscoped().filter(holds).first()
