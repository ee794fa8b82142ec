"""Notices in the admin, for platform staff who are asked why something did not arrive."""

from django.contrib import admin

from fleets.admin.base import ReadOnlyAdmin, ReadOnlyInline, status_badge
from fleets.models import Notice, NoticeChoice, NoticeDelivery


class NoticeDeliveryInline(ReadOnlyInline):
    model = NoticeDelivery
    fields = ("channel", "status", "attempts", "last_error", "sent_at")
    readonly_fields = fields


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "kind", "provider", "at", "read_at")
    list_filter = ("kind",)
    list_select_related = ("user", "provider")
    search_fields = ("user__email", "user__phone")
    inlines = (NoticeDeliveryInline,)


@admin.register(NoticeDelivery)
class NoticeDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("id", "notice", "channel", "state", "attempts", "last_error", "sent_at")
    list_filter = ("channel", "status")
    list_select_related = ("notice",)
    state = status_badge(pending="info", sent="success", skipped="info", dead="danger")


@admin.register(NoticeChoice)
class NoticeChoiceAdmin(ReadOnlyAdmin):
    list_display = ("user", "channels", "quiet_from", "quiet_until")
    list_select_related = ("user",)
    exclude = ("push_token",)
