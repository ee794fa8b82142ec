"""Messages to many in the admin: written, and how far they are."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from chat import services
from chat.models import Announcement
from fleets.admin.base import ProviderAdmin, ServiceForm, admin_actor

AUDIENCES = {"on_shift": _("drivers on shift now")}
"""Groups that people call otherwise than the code does."""


def _groups() -> list[tuple[str, Any]]:
    named = [(name, AUDIENCES.get(name, name.replace("_", " "))) for name in services.audiences()]
    return [("", _("all drivers")), *named]


class AnnouncementForm(ServiceForm):
    audience = forms.ChoiceField(
        choices=_groups, required=False, label=_("To"), widget=UnfoldAdminSelectWidget
    )

    class Meta:
        model = Announcement
        fields = ("audience", "depot", "topic", "body")
        labels = {"depot": _("Only of the depot"), "body": _("Message")}
        help_texts = {"body": _("Saving sends it at once; it cannot be taken back.")}


@admin.register(Announcement)
class AnnouncementAdmin(ProviderAdmin):
    form = AnnouncementForm
    list_display = ("created_at", "__str__", "author", "depot", "state", "progress")
    list_filter = ("depot", "topic")
    list_select_related = ("author", "depot", "job")
    search_fields = ("body",)
    list_note = _("Each driver gets the message as a conversation that an answer reopens.")

    @display(
        description=_("state"), label={"running": "info", "done": "success", "failed": "danger"}
    )
    def state(self, row: Announcement) -> tuple[str, str]:
        return row.job.state, row.job.get_state_display()

    @display(description=_("drivers"))
    def progress(self, row: Announcement) -> str:
        return f"{row.job.done} / {row.job.total}"

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> Announcement:
        provider = self.own_provider(request)
        return services.announce(provider, actor=admin_actor(request), **values)
