"""App configuration of shifts; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class ShiftsConfig(AppConfig):
    name = "shifts"
    verbose_name = "Shifts"

    def ready(self) -> None:
        from shifts import home, notices, panels, receivers, roles, selectors  # noqa: F401 (receivers listen)
        from voltop import registry

        registry.register(registry.ROLE_PERMISSIONS, "shifts", roles.of_shifts)
        registry.register(registry.WHILE_SUSPENDED, "shifts", roles.while_suspended)
        registry.register(registry.PROVIDER_BLOCKERS, "shifts", selectors.blockers_of_provider)
        registry.register(registry.DRIVER_BLOCKERS, "shifts", selectors.blockers_of_driver)
        registry.register(registry.API_SCOPES, "shifts", roles.scopes_of_shifts)
        registry.register(registry.DRIVER_PANELS, "shifts", panels.latest_shifts)
        registry.register(registry.NOTICE_KINDS, "shifts", notices.kinds)
        registry.register(registry.WORK, "shifts", home.work)
        registry.register(registry.HOME_FIGURES, "shifts", home.figures)
