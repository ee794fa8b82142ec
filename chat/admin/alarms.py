"""Calls for help in the admin, and who is on call."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from chat import services
from chat.models import ALARM_MACHINE, Alarm, AlarmEvent, OnCall, Page
from fleets.admin.base import (
    EventInline,
    ProviderAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    admin_actor,
    service_action,
    status_badge,
    while_empty,
)
from voltop.context import Actor


class PageInline(ReadOnlyInline):
    model = Page
    fields = ("number", "user", "status", "paged_at", "ended_at")
    readonly_fields = fields
    verbose_name_plural = _("who was called")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("user")


class AlarmEventInline(EventInline):
    model = AlarmEvent


def _acknowledge(alarm: Alarm, actor: Actor, reason: str) -> Alarm:
    return services.acknowledge(alarm, actor=actor, reason=reason)


@admin.register(Alarm)
class AlarmAdmin(ProviderAdmin):
    list_display = ("raised_at", "who", "cause", "badge", "acknowledged_by", "acknowledged_at")
    list_filter = ("status", "cause")
    list_select_related = ("conversation__driver", "acknowledged_by")
    search_fields = ("conversation__driver__given_name", "conversation__driver__family_name")
    ordering = ("-id",)
    badge = status_badge(ringing="danger", acknowledged="success")
    inlines = (PageInline, AlarmEventInline)
    fields = (
        ("who", "talk"),
        ("cause", "status"),
        ("raised_at", "next_page_at"),
        ("place",),
        ("acknowledged_by", "acknowledged_at"),
    )
    readonly_fields = ("who", "talk", "place")
    actions = (
        service_action(
            _("Acknowledge"),
            "chat.change_alarm",
            _acknowledge,
            when=ALARM_MACHINE.opens("acknowledged"),
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        own = [*self.readonly_fields, "cause", "status", "raised_at", "next_page_at"]
        return self.with_shown([*own, "acknowledged_by", "acknowledged_at"])

    @admin.display(description=_("driver"))
    def who(self, alarm: Alarm) -> str:
        driver = alarm.conversation.driver
        url = reverse("admin:drivers_driver_change", args=(driver.pk,))
        return format_html(
            '<a class="text-link" href="{}">{}</a> {}', url, driver, driver.phone or ""
        )

    @admin.display(description=_("conversation"))
    def talk(self, alarm: Alarm) -> str:
        url = reverse("admin:chat_conversation_change", args=(alarm.conversation_id,))
        return format_html('<a class="text-link" href="{}">{}</a>', url, alarm.conversation)

    @admin.display(description=_("where the phone was"))
    def place(self, alarm: Alarm) -> str:
        if alarm.latitude is None:
            return "–"
        return f"{alarm.latitude:.5f}, {alarm.longitude:.5f}"


def _end(entry: OnCall, actor: Actor, reason: str) -> OnCall:
    return services.take_off_call(entry, actor=actor, reason=reason)


@admin.register(OnCall)
class OnCallAdmin(ProviderAdmin):
    list_display = ("position", "user", "ended_at")
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    list_select_related = ("user",)
    search_fields = ("user__full_name", "user__email")
    fields = ("user", "position")
    list_note = _(
        "Whoever stands first is called first when a driver needs help, then the next every two "
        "minutes. While nobody stands here, owners are called."
    )
    actions = (
        service_action(_("Call no more"), "chat.change_oncall", _end, when=while_empty("ended_at")),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        own = () if obj is None else ("user",)
        return (*super().get_readonly_fields(request, obj), *own)

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> OnCall:
        provider = self.own_provider(request)
        return services.put_on_call(provider, actor=admin_actor(request), **values)

    def service_update(self, request: HttpRequest, obj: Any, values: Mapping[str, Any]) -> OnCall:
        return services.move_on_call(obj, actor=admin_actor(request), **values)


@admin.register(Page)
class PageAdmin(ReadOnlyAdmin):
    list_display = ("paged_at", "alarm", "number", "user", "status")
    list_filter = ("status",)
    list_select_related = ("alarm__conversation", "user")


@admin.register(AlarmEvent)
class AlarmEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "alarm", "from_state", "to_state", "actor", "reason")
    list_select_related = ("alarm__conversation",)
