"""The API of telemetry: what comes in, its sources, and where vehicles went."""
