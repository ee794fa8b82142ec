"""App configuration of payments; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = "Payments"

    def ready(self) -> None:
        from payments import (
            cards,
            deliveries,  # noqa: F401 (registers its handler)
            gates,
            home,
            notices,
            record_kinds,
            roles,
            selectors,
            today,
        )
        from payments.services import sandbox
        from voltop import registry

        registry.register(registry.ROLE_PERMISSIONS, "payments", roles.of_payments)
        registry.register(registry.WHILE_SUSPENDED, "payments", roles.while_suspended)
        registry.register(registry.API_SCOPES, "payments", roles.scopes_of_payments)
        registry.register(registry.RECORD_KINDS, "adjustments", record_kinds.adjustments)
        registry.register(registry.PROVIDER_BLOCKERS, "payments", selectors.blockers_of_provider)
        registry.register(registry.DRIVER_BLOCKERS, "payments", selectors.blockers_of_driver)
        registry.register(registry.START_GATES, "payments", gates.debt_limit)
        registry.register(registry.NOTICE_KINDS, "payments", notices.kinds)
        registry.register(registry.SANDBOX_SEEDS, "payments", sandbox.seed)
        registry.register(registry.WORK, "payments", home.work)
        registry.register(registry.HOME_FIGURES, "payments", home.figures)
        subjects = registry.CONVERSATION_SUBJECTS
        registry.register(subjects, "payments.paymentline", selectors.line_subject)
        registry.register(subjects, "payments.payment", selectors.payment_subject)
        registry.register(registry.DRIVER_CARDS, "payments", cards.money_of_driver)
        registry.register(registry.DRIVER_ACTIONS, "payments", cards.actions_of_driver)
        registry.register(registry.TODAY, "payments", today.parts)
