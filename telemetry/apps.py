"""App configuration of telemetry; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    name = "telemetry"
    verbose_name = "Telemetry"

    def ready(self) -> None:
        from telemetry import panels, receivers, roles  # noqa: F401 (receivers connect themselves)
        from voltop import registry

        registry.register(registry.ROLE_PERMISSIONS, "telemetry", roles.of_telemetry)
        registry.register(registry.WHILE_SUSPENDED, "telemetry", roles.while_suspended)
        registry.register(registry.VEHICLE_PANELS, "telemetry", panels.latest_samples)
        registry.register(registry.WORK, "telemetry", panels.work)
        registry.register(registry.HOME_FIGURES, "telemetry", panels.figures)
        registry.register(registry.API_SCOPES, "telemetry", roles.scopes_of_telemetry)
