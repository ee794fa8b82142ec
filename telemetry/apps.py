"""App configuration of telemetry; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    name = "telemetry"
    verbose_name = "Telemetry"
