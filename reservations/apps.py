"""App configuration of reservations."""

from django.apps import AppConfig


class ReservationsConfig(AppConfig):
    name = "reservations"
    verbose_name = "Reservations"

    def ready(self) -> None:
        from reservations import (
            cards,
            home,
            notices,
            offline,
            receivers,  # noqa: F401 (they listen)
            record_kinds,
            roles,
            today,
        )
        from reservations.services import sandbox
        from voltop import registry

        registry.register(registry.ROLE_PERMISSIONS, "reservations", roles.of_reservations)
        registry.register(registry.WHILE_SUSPENDED, "reservations", roles.while_suspended)
        registry.register(registry.API_SCOPES, "reservations", roles.scopes_of_reservations)
        registry.register(registry.RECORD_KINDS, "stations", record_kinds.stations)
        registry.register(registry.NOTICE_KINDS, "reservations", notices.kinds)
        registry.register(registry.SANDBOX_SEEDS, "reservations", sandbox.seed)
        registry.register(registry.WORK, "reservations", home.work)
        registry.register(registry.HOME_FIGURES, "reservations", home.figures)
        registry.register(registry.DRIVER_CARDS, "reservations", cards.booking_of_driver)
        registry.register(registry.DRIVER_ACTIONS, "reservations", cards.actions_of_driver)
        registry.register(registry.OFFLINE_KINDS, "reservations", offline.kinds)
        registry.register(registry.TODAY, "reservations", today.parts)
