"""Writes of telemetry, by noun: what comes in, sources and devices, what is derived."""

from telemetry.services.attribution import attribute_again
from telemetry.services.batches import IngestResult, ingest, ingest_body, ingest_samples
from telemetry.services.derivation import derive, derive_pending, derive_touched, rebuild
from telemetry.services.imports import import_file
from telemetry.services.replay import replay_quarantine
from telemetry.services.sources import (
    create_source,
    disable_source,
    enable_source,
    fit_device,
    move_trackers,
    rotate_token,
    take_out_device,
    update_source,
)
from telemetry.services.upkeep import apply_retention, make_partitions_ahead, tidy

__all__ = [
    "IngestResult",
    "apply_retention",
    "attribute_again",
    "create_source",
    "derive",
    "derive_pending",
    "derive_touched",
    "disable_source",
    "enable_source",
    "fit_device",
    "import_file",
    "ingest",
    "ingest_body",
    "ingest_samples",
    "make_partitions_ahead",
    "move_trackers",
    "rebuild",
    "replay_quarantine",
    "rotate_token",
    "take_out_device",
    "tidy",
    "update_source",
]
