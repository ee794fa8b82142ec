"""App configuration of reservations; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class ReservationsConfig(AppConfig):
    name = "reservations"
    verbose_name = "Reservations"
