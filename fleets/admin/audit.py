"""Audit entries: read-only."""

from django.contrib import admin

from fleets.admin.base import ReadOnlyAdmin
from fleets.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "action", "object_type", "object_id", "actor", "reason")
    list_filter = ("action", "object_type")
    search_fields = ("object_id", "actor", "reason", "request_id")
    date_hierarchy = "at"
    ordering = ("-id",)
