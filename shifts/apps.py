"""App configuration of shifts; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class ShiftsConfig(AppConfig):
    name = "shifts"
    verbose_name = "Shifts"

    def ready(self) -> None:
        from shifts import roles, selectors
        from voltop import registry

        registry.register(registry.ROLE_PERMISSIONS, "shifts", roles.of_shifts)
        registry.register(registry.PROVIDER_BLOCKERS, "shifts", selectors.blockers_of_provider)
