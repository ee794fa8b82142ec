"""App configuration of vehicles; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class VehiclesConfig(AppConfig):
    name = "vehicles"
    verbose_name = "Vehicles"
