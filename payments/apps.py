"""App configuration of payments; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = "Payments"
