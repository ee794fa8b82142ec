"""Conversations in the admin: read, answer, note, assign, resolve."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from chat import services
from chat.models import (
    CONVERSATION_MACHINE,
    Conversation,
    ConversationEvent,
    ConversationStatus,
    InternalNote,
    Message,
    ReadMark,
)
from chat.subjects import find_subject
from fleets.admin.base import (
    EventInline,
    ProviderAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    ServiceForm,
    admin_actor,
    service_action,
    status_badge,
)
from fleets.models import User
from voltop.context import Actor


class MessageInline(ReadOnlyInline):
    model = Message
    fields = ("seq", "sent_at", "author_kind", "who", "body")
    readonly_fields = fields
    ordering = ("seq",)
    verbose_name_plural = _("what was said")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("author", "conversation__driver")

    @admin.display(description=_("author"))
    def who(self, message: Message) -> str:
        """The author; a driver leads to the driver's page."""
        driver = message.conversation.driver
        if message.author is None or message.author_id != driver.user_id:
            return str(message.author or "–")
        url = reverse("admin:drivers_driver_change", args=(driver.pk,))
        return format_html('<a class="text-link" href="{}">{}</a>', url, driver)


class InternalNoteInline(ReadOnlyInline):
    model = InternalNote
    fields = ("written_at", "author", "body")
    readonly_fields = fields
    verbose_name_plural = _("notes among staff")


class ConversationEventInline(EventInline):
    model = ConversationEvent


class ConversationForm(ServiceForm):
    """The conversation's own form: an answer to the driver, a note, an assignee."""

    reply = forms.CharField(
        required=False,
        max_length=4000,
        label=_("Answer the driver"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    note = forms.CharField(
        required=False,
        max_length=4000,
        label=_("Note among staff"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    class Meta:
        model = Conversation
        fields = ("assignee", "priority")


def _resolve(conversation: Conversation, actor: Actor, reason: str) -> Conversation:
    return services.resolve(conversation, actor=actor, reason=reason)


def _reopen(conversation: Conversation, actor: Actor, reason: str) -> Conversation:
    return services.reopen(conversation, actor=actor, reason=reason)


def _take(conversation: Conversation, actor: Actor, reason: str) -> Conversation:
    return services.assign(conversation, actor=actor, assignee=User.objects.get(pk=actor.id))


def _is_anothers(conversation: Conversation, actor: Actor) -> bool:
    return conversation.assignee_id != actor.id


class Waiting(admin.SimpleListFilter):
    """Conversations by how long their drivers have waited."""

    title = _("answer")
    parameter_name = "late"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("late")), ("0", _("due"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "1":
            return queryset.filter(status=ConversationStatus.OPEN, escalated_at__isnull=False)
        if self.value() == "0":
            return queryset.filter(status=ConversationStatus.OPEN, due_at__isnull=False)
        return queryset


@admin.register(Conversation)
class ConversationAdmin(ProviderAdmin):
    form = ConversationForm
    list_display = (
        "number",
        "driver",
        "topic",
        "badge",
        "priority",
        "assignee",
        "due_at",
        "last_message_at",
    )
    list_filter = (Waiting, "status", "topic", "priority", "assignee")
    list_select_related = ("driver", "assignee")
    search_fields = ("number", "driver__given_name", "driver__family_name", "messages__body")
    ordering = ("-last_message_at",)
    badge = status_badge(open="warning", pending="info", resolved="success")
    inlines = (MessageInline, InternalNoteInline, ConversationEventInline)
    readonly_fields = (
        *("number", "driver", "topic", "about", "status", "waiting_since", "due_at"),
        *("first_response_due_at", "first_responded_at", "resolved_at"),
    )
    fieldsets = (
        (None, {"fields": (("number", "driver"), ("topic", "about"), ("status", "waiting_since"))}),
        (None, {"fields": ("reply", "note", ("assignee", "priority"))}),
        (
            _("When the answer is due"),
            {
                "fields": (
                    ("due_at", "first_response_due_at"),
                    ("first_responded_at", "resolved_at"),
                )
            },
        ),
    )
    actions = (
        service_action(_("Take"), "chat.change_conversation", _take, when=_is_anothers),
        service_action(
            _("Resolve"),
            "chat.change_conversation",
            _resolve,
            when=CONVERSATION_MACHINE.opens("resolved"),
        ),
        service_action(
            _("Reopen"),
            "chat.change_conversation",
            _reopen,
            when=CONVERSATION_MACHINE.opens("open", {"resolved"}),
        ),
    )

    @admin.display(description=_("about"))
    def about(self, conversation: Conversation) -> str:
        subject = find_subject(
            conversation.about_type, conversation.about_id, conversation.provider_id
        )
        if subject is None:
            return "–"
        return format_html('<a href="{}">{}</a>', subject.url, subject.label)

    def service_update(
        self, request: HttpRequest, obj: Any, values: Mapping[str, Any]
    ) -> Conversation:
        actor = admin_actor(request)
        if values.get("reply"):
            author = services.Author.staff(request.user.pk or 0)
            services.post_message(obj, actor=actor, author=author, body=values["reply"])
        if values.get("note"):
            services.add_note(obj, actor=actor, body=values["note"])
        if "assignee" in values:
            services.assign(obj, actor=actor, assignee=values["assignee"])
        if "priority" in values:
            services.prioritise(obj, actor=actor, priority=values["priority"])
        obj.refresh_from_db()
        conversation: Conversation = obj
        return conversation


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("conversation", "seq", "author_kind", "body", "sent_at")
    list_filter = ("author_kind",)
    list_select_related = ("conversation",)
    search_fields = ("body",)


@admin.register(InternalNote)
class InternalNoteAdmin(ReadOnlyAdmin):
    list_display = ("conversation", "author", "body", "written_at")
    list_select_related = ("conversation", "author")
    search_fields = ("body",)


@admin.register(ReadMark)
class ReadMarkAdmin(ReadOnlyAdmin):
    list_display = ("conversation", "user", "seq", "updated_at")
    list_select_related = ("conversation", "user")


@admin.register(ConversationEvent)
class ConversationEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "conversation", "from_state", "to_state", "actor", "reason")
    list_select_related = ("conversation",)
