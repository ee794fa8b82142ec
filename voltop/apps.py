"""App configuration of the kernel: row triggers after every migrate, words for fields."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class VoltopConfig(AppConfig):
    name = "voltop"
    verbose_name = "Voltop"

    def ready(self) -> None:
        from django.apps import apps

        from voltop import checks, wire  # noqa: F401  (system checks; dumpers of the driver)
        from voltop.triggers import install_triggers
        from voltop.words import name_fields

        post_migrate.connect(install_triggers, dispatch_uid="voltop.install_triggers")
        name_fields(model for model in apps.get_models() if hasattr(model, "append_only"))
