"""Audit entries and their chain: read-only."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from fleets import audit
from fleets.admin.base import ReadOnlyAdmin
from fleets.admin.shown import NOTHING, action_in_words, kind_of
from fleets.models import AuditEntry, AuditSeal
from voltop.words import in_words


class CodesInWords(admin.AllValuesFieldListFilter):
    """The values that occur, each in words."""

    word: Callable[[str], str] = staticmethod(action_in_words)

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            told = str(choice["display"])
            yield {**choice, "display": self.word(told) if "." in told else told}


class KindsInWords(CodesInWords):
    """Kinds of rows as people call them."""

    word = staticmethod(kind_of)


def _told(value: Any) -> str:
    """A value of a change: text as it is, a list or an object as JSON, nothing as a dash."""
    if value in (None, "", [], {}):
        return NOTHING
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Personal values are hidden: they are shown over the API, which writes down who looked."""

    list_display = ("at", "action", "object_type", "object_id", "actor", "reason", "sealed_as")
    list_filter = (("action", CodesInWords), ("object_type", KindsInWords))
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
        """A line for each field: what it was, and what it is."""
        return "\n".join(
            f"{in_words(name)}: {_told(before)} → {_told(after)}"
            for name, (before, after) in audit.shown(entry).items()
        )

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
