"""What a company has set for its support desk: hours and times, canned replies."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chat import services
from chat.models import CannedReply, SlaPolicy
from chat.services.canned import VARIABLES
from fleets.admin.base import ProviderAdmin, admin_actor, service_action, while_empty
from voltop.context import Actor


@admin.register(SlaPolicy)
class SlaPolicyAdmin(ProviderAdmin):
    list_display = ("__str__", "opening_hours", "urgent_first_min", "normal_first_min")
    fieldsets = (
        (_("Hours"), {"fields": ("opening_hours", "holidays_off", "urgent_always")}),
        (
            _("Within how many minutes drivers are answered"),
            {
                "fields": (
                    ("urgent_first_min", "urgent_next_min"),
                    ("high_first_min", "high_next_min"),
                    ("normal_first_min", "normal_next_min"),
                    "warn_min",
                )
            },
        ),
        (
            _("By itself"),
            {"fields": ("off_hours_answer", ("resolve_after_days", "resolve_notice_days"))},
        ),
    )

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> SlaPolicy:
        provider = self.own_provider(request)
        return services.create_policy(provider, actor=admin_actor(request), **values)

    def service_update(
        self, request: HttpRequest, obj: Any, values: Mapping[str, Any]
    ) -> SlaPolicy:
        return services.change_policy(obj, actor=admin_actor(request), **values)


def _retire(reply: CannedReply, actor: Actor, reason: str) -> CannedReply:
    return services.retire_canned_reply(reply, actor=actor, reason=reason)


@admin.register(CannedReply)
class CannedReplyAdmin(ProviderAdmin):
    list_display = ("shortcut", "language", "body", "retired_at")
    list_filter = ("language", ("retired_at", admin.EmptyFieldListFilter))
    search_fields = ("shortcut", "body")
    fields = (("shortcut", "language"), "body")
    actions = (
        service_action(
            _("Retire"), "chat.change_cannedreply", _retire, when=while_empty("retired_at")
        ),
    )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "body":
            names = ", ".join(f"{{{{{name}}}}}" for name in VARIABLES)
            field.help_text = _("Filled in when it is used: %(names)s") % {"names": names}
        return field

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> CannedReply:
        provider = self.own_provider(request)
        return services.create_canned_reply(provider, actor=admin_actor(request), **values)

    def service_update(
        self, request: HttpRequest, obj: Any, values: Mapping[str, Any]
    ) -> CannedReply:
        return services.update_canned_reply(obj, actor=admin_actor(request), **values)
