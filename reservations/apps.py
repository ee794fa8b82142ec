"""App configuration of reservations."""

from django.apps import AppConfig


class ReservationsConfig(AppConfig):
    name = "reservations"
    verbose_name = "Reservations"

    def ready(self) -> None:
        from reservations import home, roles
        from voltop import registry

        registry.register(registry.ROLE_PERMISSIONS, "reservations", roles.of_reservations)
        registry.register(registry.API_SCOPES, "reservations", roles.scopes_of_reservations)
        registry.register(registry.HOME_TASKS, "reservations", home.tasks)
        registry.register(registry.HOME_FIGURES, "reservations", home.figures)
