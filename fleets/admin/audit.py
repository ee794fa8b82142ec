"""Audit entries and their chain: read-only."""

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from fleets import audit
from fleets.admin.base import ReadOnlyAdmin
from fleets.models import AuditEntry, AuditSeal


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Personal values are hidden: they are shown over the API, which writes down who looked."""

    list_display = ("at", "action", "object_type", "object_id", "actor", "reason", "sealed_as")
    list_filter = ("action", "object_type")
    list_select_related = ("seal",)
    search_fields = ("object_id", "actor", "reason", "request_id")
    date_hierarchy = "at"
    ordering = ("-id",)
    exclude = ("changes", "subject")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "what_changed", "sealed_as"] if obj is not None else fields

    @display(description=_("changes"))
    def what_changed(self, entry: AuditEntry) -> str:
        return json.dumps(audit.shown(entry), ensure_ascii=False, indent=2)

    @display(description=_("link of the chain"))
    def sealed_as(self, entry: AuditEntry) -> int | None:
        seal = getattr(entry, "seal", None)
        return seal.n if seal else None


@admin.register(AuditSeal)
class AuditSealAdmin(ReadOnlyAdmin):
    """The chain, link by link; verified by `manage.py verify_audit` and every night."""

    list_display = ("n", "entry", "head", "created_at")
    list_select_related = ("entry",)
    ordering = ("-id",)
    exclude = ("hash", "prev_hash")

    @display(description=_("hash"))
    def head(self, seal: AuditSeal) -> str:
        return bytes(seal.hash).hex()[:16]
