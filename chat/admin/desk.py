"""What a company has set for its support desk."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chat import services
from chat.models import SlaPolicy
from fleets.admin.base import ProviderAdmin, admin_actor


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
