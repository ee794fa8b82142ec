"""Imports in the admin: hand a file in, first as a dry run, read what is wrong, take it in."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from fleets import services
from fleets.admin.base import (
    ProviderAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    ServiceForm,
    admin_actor,
    service_action,
    status_badge,
)
from fleets.admin.shown import shown_field
from fleets.models import DataImport, DataImportProblem
from voltop.context import Actor
from voltop.records import record_kinds
from voltop.tabular import DELIMITERS

NAMES = {",": _("comma"), ";": _("semicolon"), "\t": _("tab"), "|": _("bar")}


def _kinds() -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in sorted(record_kinds())]


class DataImportForm(ServiceForm):
    """A file, what its rows are, and whether they are only judged."""

    kind = forms.ChoiceField(
        choices=_kinds, widget=UnfoldAdminSelectWidget, label=_("The rows are")
    )
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        help_text=_("CSV in UTF-8 or XLSX, up to 10 MB; the first row names the columns."),
    )
    delimiter = forms.ChoiceField(
        choices=[(each, NAMES[each]) for each in DELIMITERS],
        widget=UnfoldAdminSelectWidget,
        label=_("Columns of a CSV are separated by"),
    )

    class Meta:
        model = DataImport
        fields = ("kind", "delimiter", "dry_run")
        help_texts = {"dry_run": _("Judge every row, change nothing.")}


class DataImportProblemInline(ReadOnlyInline):
    model = DataImportProblem
    fields = ("row_number", "column", "code", "detail")
    per_page = 50
    verbose_name_plural = _("what is wrong with the rows")


def _apply(judged: DataImport, actor: Actor, reason: str) -> Any:
    return services.apply_import(judged, actor=actor)


def _was_judged(data_import: DataImport, actor: Actor) -> bool:
    return data_import.dry_run


@admin.register(DataImport)
class DataImportAdmin(ProviderAdmin):
    form = DataImportForm
    list_display = (
        *("file_name", "kind", "badge", "progress", "dry_run"),
        *("created_count", "updated_count", "refused_count", "actor", "created_at"),
    )
    list_filter = ("kind", "dry_run", "job__state")
    list_select_related = ("job",)
    search_fields = ("file_name",)
    ordering = ("-id",)
    exclude = ("content",)
    inlines = (DataImportProblemInline,)
    actions = (
        service_action(_("Import for real"), "fleets.add_dataimport", _apply, when=_was_judged),
    )
    badge = status_badge("state", done="success", running="info", failed="danger")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("content")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("kind", "file", "delimiter", "dry_run")}),)
        who = shown_field(DataImport, "actor")
        return (
            (None, {"fields": (("file_name", "kind"), ("stands", "progress"), "problem")}),
            (_("Records"), {"fields": (("created_count", "updated_count", "refused_count"),)}),
            (_("Asked for"), {"fields": ((who, "created_at"), ("dry_run", "delimiter"))}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "stands", "progress", "problem"]

    @admin.display(description=_("state"))
    def stands(self, data_import: DataImport) -> str:
        return str(data_import.get_state_display())

    @admin.display(description=_("rows"), ordering="job__done")
    def progress(self, data_import: DataImport) -> str:
        job = data_import.job
        return f"{job.done:,} / {job.total or 0:,}"

    @admin.display(description=_("why it ended"))
    def problem(self, data_import: DataImport) -> str:
        return data_import.job.error_detail or "–"

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> DataImport:
        file = values["file"]
        return services.request_import(
            self.own_provider(request),
            actor=admin_actor(request),
            kind=record_kinds()[values["kind"]],
            file_name=file.name,
            content=file.read(services.MAX_FILE_BYTES + 1),
            delimiter=values["delimiter"],
            dry_run=values["dry_run"],
        )


@admin.register(DataImportProblem)
class DataImportProblemAdmin(ReadOnlyAdmin):
    list_display = ("data_import", "row_number", "column", "code", "detail")
    list_filter = ("code",)
    list_select_related = ("data_import",)
    search_fields = ("code", "column")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("data_import__content")
