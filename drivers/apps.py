"""App configuration of drivers; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class DriversConfig(AppConfig):
    name = "drivers"
    verbose_name = "Drivers"
