"""App configuration of fleets; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class FleetsConfig(AppConfig):
    name = "fleets"
    verbose_name = "Fleets"
