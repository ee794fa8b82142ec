"""Writes of telemetry, by noun: what comes in, sources and devices, what is derived."""

from telemetry.services.batches import IngestResult, ingest, ingest_samples
from telemetry.services.derivation import derive, derive_pending, derive_touched
from telemetry.services.quarantine import expire_quarantine
from telemetry.services.sources import (
    create_source,
    disable_source,
    enable_source,
    fit_device,
    rotate_token,
    take_out_device,
    update_source,
)

__all__ = [
    "IngestResult",
    "create_source",
    "derive",
    "derive_pending",
    "derive_touched",
    "disable_source",
    "enable_source",
    "expire_quarantine",
    "fit_device",
    "ingest",
    "ingest_samples",
    "rotate_token",
    "take_out_device",
    "update_source",
]
