"""App configuration of vehicles; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class VehiclesConfig(AppConfig):
    name = "vehicles"
    verbose_name = "Vehicles"

    def ready(self) -> None:
        from vehicles import cards, home, panels, record_kinds, roles, selectors
        from vehicles.services import sandbox
        from voltop import registry

        registry.register(registry.ROLE_PERMISSIONS, "vehicles", roles.of_vehicles)
        registry.register(registry.WHILE_SUSPENDED, "vehicles", roles.while_suspended)
        registry.register(registry.API_SCOPES, "vehicles", roles.scopes_of_vehicles)
        registry.register(registry.RECORD_KINDS, "vehicles", record_kinds.vehicles)
        registry.register(registry.PROVIDER_BLOCKERS, "vehicles", selectors.blockers_of_provider)
        registry.register(registry.DRIVER_BLOCKERS, "vehicles", selectors.blockers_of_driver)
        registry.register(registry.DRIVER_PANELS, "vehicles", panels.cars_of_driver)
        registry.register(registry.SANDBOX_SEEDS, "vehicles", sandbox.seed)
        registry.register(registry.WORK, "vehicles", home.work)
        registry.register(registry.HOME_FIGURES, "vehicles", home.figures)
        registry.register(registry.DRIVER_CARDS, "vehicles", cards.car_of_driver)
