"""Drivers' papers in the admin: the picture beside what was written down, approved or rejected."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget

from drivers import services
from drivers.models import DOCUMENT_MACHINE, DriverDocument, DriverDocumentEvent
from fleets.admin.base import (
    EventInline,
    ProviderAdmin,
    ReadOnlyAdmin,
    ServiceForm,
    admin_actor,
    service_action,
    status_badge,
)
from fleets.admin.lines import NamesField
from voltop import files
from voltop.context import Actor
from voltop.crypto import KeyDestroyed

IDENTITY = "drivers.view_identity"
HIDDEN = "••••"
SHOWN = ("paper_and_record", "status", "refusal")


class DocumentForm(ServiceForm):
    """What stands on the paper; the file only when it is handed in."""

    number = forms.CharField(
        max_length=64, required=False, widget=UnfoldAdminTextInputWidget, label=_("Number")
    )
    categories = NamesField(label=_("Categories"), widget=UnfoldAdminTextInputWidget)
    upload = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        required=False,
        label=_("File"),
        help_text=_("A photo (JPEG, PNG or WebP) or a PDF, up to 10 MB."),
    )

    class Meta:
        model = DriverDocument
        fields = ("driver", "kind", "country", "categories", "issued_on", "expires_on")
        help_texts = {"expires_on": _("Valid through the end of this day, by the company's clock.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The number in clear for whoever may see it, else its mask and nothing to change."""
        super().__init__(*args, **kwargs)
        number = self.fields["number"]
        if self.instance.pk is not None:
            number.initial = getattr(self.instance, "number_shown", self.instance.number_mask)
            number.disabled = not hasattr(self.instance, "number_shown")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.instance.pk is None and not values.get("upload"):
            self.add_error("upload", _("This field is required."))
        return values


class DocumentEventInline(EventInline):
    model = DriverDocumentEvent


def _approve(document: DriverDocument, actor: Actor, reason: str) -> DriverDocument:
    return services.approve_document(document, actor=actor, reason=reason)


def _reject(document: DriverDocument, actor: Actor, reason: str) -> DriverDocument:
    return services.reject_document(document, actor=actor, reason=reason)


REVIEW = "drivers.review_driverdocument"


@admin.register(DriverDocument)
class DriverDocumentAdmin(ProviderAdmin):
    form = DocumentForm
    list_display = ("driver", "kind", "badge", "number_mask", "expires_on", "created_at")
    list_filter = ("status", "kind")
    list_select_related = ("driver",)
    search_fields = ("driver__given_name", "driver__family_name", "driver__employee_number")
    autocomplete_fields = ("driver",)
    ordering = ("-id",)
    inlines = (DocumentEventInline,)
    badge = status_badge(approved="success", pending="info", rejected="danger", expired="warning")
    actions = (
        service_action(
            _("Approve"), REVIEW, _approve, when=DOCUMENT_MACHINE.opens("approved", {"pending"})
        ),
        service_action(_("Reject"), REVIEW, _reject, when=DOCUMENT_MACHINE.opens("rejected")),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("file").defer("file__sealed")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        said = ("kind", ("country", "number"), "categories", ("issued_on", "expires_on"))
        if obj is None:
            return ((None, {"fields": ("driver", *said, "upload")}),)
        return (
            (None, {"fields": ("paper_and_record", "status", "refusal")}),
            (_("Written down"), {"fields": said}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), *SHOWN]

    @admin.display(description=_("paper and record"))
    def paper_and_record(self, document: DriverDocument) -> str:
        """The picture, and beside it what is known of the driver, to be compared."""
        return format_html(
            '<div style="{}"><div style="{}">{}</div><dl style="{}">{}</dl></div>',
            "display: flex; flex-wrap: wrap; gap: 2rem",
            "flex: 3 1 26rem",
            self._picture(document),
            "flex: 1 1 12rem",
            format_html_join(
                "", "<dt><small>{}</small></dt><dd>{}</dd>", self._record_of(document)
            ),
        )

    def _picture(self, document: DriverDocument) -> str:
        """The photo itself; a PDF is opened apart."""
        if document.file is None:
            return str(_("No file: read from another register."))
        address = reverse("admin:drivers_driverdocument_file", args=[document.pk])
        link = format_html('<a href="{}" download>{}</a>', address, document.file.name)
        if document.file.content_type != "image/jpeg":
            return link
        return format_html(
            '<img src="{}" alt="{}" style="max-height: 40rem; max-width: 100%">{}',
            address,
            document,
            link,
        )

    def _record_of(self, document: DriverDocument) -> list[tuple[Any, Any]]:
        driver = document.driver
        shown = getattr(document, "identity_shown", False)
        return [
            (_("Name"), driver.name),
            (_("Birth date"), (driver.birth_date or "–") if shown else HIDDEN),
            (_("National ID"), (driver.national_id or "–") if shown else HIDDEN),
            (_("Employee number"), driver.employee_number or "–"),
        ]

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """With what this person may see of the driver's identity."""
        found = super().get_object(request, *args, **kwargs)
        if found is not None and request.user.has_perm(IDENTITY):
            found.identity_shown = True
            with suppress(KeyDestroyed):
                found.number_shown = services.number_of(found, actor=admin_actor(request))
        return found

    # --- The file --------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.file_view)
        own = path("<int:pk>/file/", view, name="drivers_driverdocument_file")
        return [own, *super().get_urls()]

    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The paper as an attachment, which an image on our own page may show."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        document = self.get_queryset(request).filter(pk=pk).first()
        if document is None:
            raise Http404
        return files.download(services.open_file(document, actor=admin_actor(request)))

    # --- Writing ---------------------------------------------------------------------------------
    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> DriverDocument:
        values = dict(values)
        file, driver = values.pop("upload"), values.pop("driver")
        actor = admin_actor(request)
        content = file.read(files.MAX_BYTES + 1)
        prepared = files.prepare(content, name=file.name, actor=actor)
        return services.hand_in_document(driver, actor=actor, file=prepared, **values)

    def service_update(
        self, request: HttpRequest, obj: Any, values: Mapping[str, Any]
    ) -> DriverDocument:
        said = {name: value for name, value in values.items() if name not in ("upload", "driver")}
        return services.correct_document(obj, actor=admin_actor(request), **said)


@admin.register(DriverDocumentEvent)
class DriverDocumentEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "document", "from_state", "to_state", "actor", "reason")
    list_filter = ("to_state",)
    list_select_related = ("document",)
    search_fields = ("document__driver__given_name", "document__driver__family_name")
