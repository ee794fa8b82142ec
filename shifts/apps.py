"""App configuration of shifts; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class ShiftsConfig(AppConfig):
    name = "shifts"
    verbose_name = "Shifts"
