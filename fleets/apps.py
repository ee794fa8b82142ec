"""App configuration of fleets: seeds the roles of every app that declares some."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class FleetsConfig(AppConfig):
    name = "fleets"
    verbose_name = "Fleets"

    def ready(self) -> None:
        from fleets import deliveries, receivers, record_kinds, roles, scopes  # noqa: F401 (they register themselves)
        from voltop import registry

        registry.register(registry.ROLE_PERMISSIONS, "fleets", roles.of_fleets)
        registry.register(registry.API_SCOPES, "fleets", scopes.of_fleets)
        registry.register(registry.RECORD_KINDS, "depots", record_kinds.depots)
        post_migrate.connect(roles.seed_roles, dispatch_uid="fleets.seed_roles")
