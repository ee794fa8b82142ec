"""Messages to many in the admin: written, and how far they are."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from chat import services
from chat.models import Announcement
from drivers.models import Driver
from fleets.admin.base import ProviderAdmin, ServiceForm, admin_actor
from fleets.admin.shown import NOTHING, link_to
from voltop.jobs import failures

AUDIENCES = {"on_shift": _("drivers on shift now")}
"""Groups that people call otherwise than the code does."""


SENT = (
    ("standing", "progress"),
    ("missed",),
    ("body",),
    ("group", "depot"),
    ("topic",),
    ("author", "created_at"),
)
"""What its page tells once it is on its way."""


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
    change_form_template = "chat/announcement.html"
    list_note = _("Each driver gets the message as a conversation that an answer reopens.")

    @display(
        description=_("state"), label={"running": "info", "done": "success", "failed": "danger"}
    )
    def state(self, row: Announcement) -> tuple[str, str]:
        return row.job.state, row.job.get_state_display()

    @display(description=_("drivers"))
    def progress(self, row: Announcement) -> str:
        return f"{row.written} / {row.job.total}"

    @display(description=_("to"))
    def group(self, row: Announcement) -> str:
        return str(dict(_groups()).get(row.audience, row.audience))

    @display(description=_("state"))
    def standing(self, row: Announcement) -> str:
        return row.job.get_state_display()

    @display(description=_("not written to"))
    def missed(self, row: Announcement) -> str:
        """Each driver whom it did not reach, and why."""
        drivers = Driver.objects.for_provider(row.provider_id).in_bulk(row.missed_drivers)
        why = [each["detail"] for each in failures(row.job)]
        told = [
            (link_to(drivers[pk], drivers[pk]), detail)
            for pk, detail in zip(row.missed_drivers, why, strict=True)
            if pk in drivers
        ]
        return format_html_join("", "<div>{}: {}</div>", told) or NOTHING

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return AnnouncementForm.Meta.fields if obj is None else SENT

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.with_shown(name for pair in SENT for name in pair)

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """To its page, which tells how far it is."""
        page = reverse("admin:chat_announcement_change", args=(obj.pk,))
        return HttpResponseRedirect(page)

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> Announcement:
        provider = self.own_provider(request)
        return services.announce(provider, actor=admin_actor(request), **values)
