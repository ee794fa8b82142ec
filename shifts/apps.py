"""App configuration of shifts; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class ShiftsConfig(AppConfig):
    name = "shifts"
    verbose_name = "Shifts"

    def ready(self) -> None:
        from shifts import (
            cards,
            home,
            notices,
            offline,
            panels,
            receivers,  # noqa: F401 (they listen)
            roles,
            selectors,
            today,
        )
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
        registry.register(registry.DRIVER_CARDS, "shifts", cards.shift_of_driver)
        registry.register(registry.DRIVER_ACTIONS, "shifts", cards.actions_of_driver)
        registry.register(registry.AUDIENCES, "on_shift", cards.drivers_on_shift)
        registry.register(registry.OFFLINE_KINDS, "shifts", offline.kinds)
        registry.register(registry.TODAY, "shifts", today.parts)
