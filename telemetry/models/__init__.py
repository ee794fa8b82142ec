"""Tables of telemetry, by noun: sources and devices, what comes in, what is made of it.

The samples themselves (`telemetry_sample`) have no model: they are millions, their table is
partitioned and made by SQL, and only `telemetry.store` touches it.
"""

from telemetry.models.derived import Bucket, HiredRun, Trip
from telemetry.models.incoming import (
    IngestBatch,
    QuarantinedSample,
    SampleContribution,
    TelemetryImport,
)
from telemetry.models.sources import (
    DeviceFitting,
    SourceKind,
    TelemetrySource,
    TrackerDevice,
)

__all__ = [
    "Bucket",
    "DeviceFitting",
    "HiredRun",
    "IngestBatch",
    "QuarantinedSample",
    "SampleContribution",
    "SourceKind",
    "TelemetryImport",
    "TelemetrySource",
    "TrackerDevice",
    "Trip",
]
