"""App configuration of drivers; fills the registry with what fleets shows of it."""

from django.apps import AppConfig


class DriversConfig(AppConfig):
    name = "drivers"
    verbose_name = "Drivers"

    def ready(self) -> None:
        from drivers import (  # noqa: F401 (receivers listen, checks are asked)
            checks,
            home,
            notices,
            panels,
            receivers,
            record_kinds,
            roles,
            selectors,
            today,
        )
        from drivers.services import erasure, face_log_in, sandbox
        from voltop import registry

        registry.register(registry.ROLE_PERMISSIONS, "drivers", roles.of_drivers)
        registry.register(registry.WHILE_SUSPENDED, "drivers", roles.while_suspended)
        registry.register(registry.API_SCOPES, "drivers", roles.scopes_of_drivers)
        registry.register(registry.RECORD_KINDS, "drivers", record_kinds.drivers)
        registry.register(registry.RECORD_KINDS, "documents", record_kinds.documents)
        registry.register(registry.USER_ROLES, "drivers", selectors.roles_of_user)
        registry.register(registry.PROVIDER_BLOCKERS, "drivers", selectors.blockers_of_provider)
        registry.register(registry.LOG_IN_STEPS, "drivers.face", face_log_in.ask)
        registry.register(registry.NOTICE_KINDS, "drivers", notices.kinds)
        registry.register(registry.SANDBOX_SEEDS, "drivers", sandbox.seed)
        registry.register(registry.DRIVER_PANELS, "drivers", panels.likely_duplicates)
        registry.register(registry.ERASED, "drivers.driver", erasure.note_is_done)
        registry.register(registry.ERASE_AGAIN, "drivers.driver", erasure.erase_noted)
        registry.register(registry.DRIVER_PANELS, "drivers.face", panels.face)
        registry.register(registry.DRIVER_PANELS, "drivers.erasure", panels.erasure)
        registry.register(registry.WORK, "drivers", home.work)
        registry.register(registry.HOME_FIGURES, "drivers", home.figures)
        registry.register(registry.TODAY, "drivers", today.parts)
