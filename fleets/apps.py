"""App configuration of fleets: seeds the roles of every app that declares some."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class FleetsConfig(AppConfig):
    name = "fleets"
    verbose_name = "Fleets"

    def ready(self) -> None:
        from fleets import (
            deliveries,  # noqa: F401 (registers its handler)
            home,
            limits,
            notices,
            offline,
            receivers,  # noqa: F401 (they connect themselves)
            record_kinds,
            roles,
            scopes,
            suspension,
            today,
        )
        from fleets.selectors import sandbox_ids
        from fleets.services import inbox
        from voltop import registry

        registry.register(registry.ROLE_PERMISSIONS, "fleets", roles.of_fleets)
        registry.register(registry.WHILE_SUSPENDED, "fleets", suspension.of_fleets)
        registry.register(registry.API_SCOPES, "fleets", scopes.of_fleets)
        registry.register(registry.RECORD_KINDS, "depots", record_kinds.depots)
        registry.register(registry.NOTICE_KINDS, "fleets", notices.kinds)
        registry.register(registry.WORK, "fleets", home.work)
        registry.register(registry.OFFLINE_KINDS, "fleets", offline.kinds)
        registry.register(registry.TODAY, "fleets", today.parts)
        registry.register(registry.WORK_SET_ASIDE, "fleets", inbox.set_aside)
        registry.register(registry.EXPORT_GATES, "fleets", limits.too_many_exports)
        registry.register(registry.NOT_COUNTED, "fleets", sandbox_ids)
        post_migrate.connect(roles.seed_roles, dispatch_uid="fleets.seed_roles")
