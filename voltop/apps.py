"""App configuration of the kernel: installs the row triggers after every migrate."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class VoltopConfig(AppConfig):
    name = "voltop"
    verbose_name = "Voltop"

    def ready(self) -> None:
        from voltop import checks  # noqa: F401  (registers the system checks)
        from voltop.triggers import install_triggers

        post_migrate.connect(install_triggers, dispatch_uid="voltop.install_triggers")
