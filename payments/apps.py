"""App configuration of payments; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = "Payments"

    def ready(self) -> None:
        from payments import deliveries  # noqa: F401 (registers its handlers)
