"""The support desk in the admin: the inbox of conversations, and one of them with its driver."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminTextareaWidget

from chat import services, transcripts
from chat.models import (
    CONVERSATION_MACHINE,
    AlarmStatus,
    Attachment,
    Conversation,
    ConversationEvent,
    ConversationStatus,
    InternalNote,
    Message,
    ReadMark,
)
from chat.selectors import news_of, talk_of, timeline_of
from chat.subjects import find_subject
from fleets.admin.base import (
    ProviderAdmin,
    ReadOnlyAdmin,
    ServiceForm,
    admin_actor,
    scoped,
    service_action,
    status_badge,
)
from fleets.models import User
from fleets.services import socket_tickets
from voltop.api.database_errors import broken_rule
from voltop.cards import actions_of, cards_of
from voltop.context import Actor
from voltop.errors import DomainError
from voltop.exports import document_response


def new_key() -> str:
    """Of the answer that a page may send: sent twice, it is one message."""
    return f"desk-{uuid4()}"


class ConversationForm(ServiceForm):
    """The conversation's own form: an answer to the driver, a note, an assignee."""

    reply = forms.CharField(
        required=False,
        max_length=4000,
        label=_("Answer the driver"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    reply_key = forms.CharField(
        required=False, max_length=64, initial=new_key, widget=forms.HiddenInput
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


class Whose(admin.SimpleListFilter):
    """One's own conversations, and those that nobody has taken."""

    title = _("whose")
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("mine", _("mine")), ("nobody", _("nobody's"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "mine":
            return queryset.filter(assignee_id=request.user.pk)
        if self.value() == "nobody":
            return queryset.filter(assignee__isnull=True).exclude(
                status=ConversationStatus.RESOLVED
            )
        return queryset


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
    change_form_template = "chat/conversation.html"
    change_list_template = "chat/conversations.html"
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
    list_filter = (Whose, Waiting, "status", "topic", "priority", "assignee")
    list_select_related = ("driver", "assignee")
    search_fields = ("number", "driver__given_name", "driver__family_name")
    ordering = ("-last_message_at",)
    badge = status_badge(open="warning", pending="info", resolved="success")
    readonly_fields = ("number", "driver")
    fieldsets = ((None, {"fields": ("reply", "reply_key", "note", "assignee", "priority")}),)
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

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By number, by driver, or by the words of what was said."""
        rows, doubled = super().get_search_results(request, queryset, search_term)
        if not search_term or "\x00" in search_term:
            return rows, doubled
        messages_seen: Any = scoped(Message.objects.all(), request)
        said = messages_seen.saying(search_term).values("conversation_id")
        return rows | queryset.filter(pk__in=said), doubled

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        context = {**(extra_context or {}), **({} if row is None else self._desk(request, row))}
        return super().change_view(request, object_id, form_url, context)

    def _desk(self, request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
        """What stands around the form: what was said, the driver's cards, what may be done."""
        driver, provider_id = conversation.driver, getattr(request.user, "provider_id", None)
        agent = request.user if isinstance(request.user, User) else None
        return {
            "alarm": conversation.alarms.filter(status=AlarmStatus.RINGING).first(),
            "talk": talk_of(conversation),
            "timeline": timeline_of(conversation),
            "subject": find_subject(
                conversation.about_type, conversation.about_id, conversation.provider_id
            ),
            "cards": cards_of(driver, provider_id, request.user),
            "quick_actions": actions_of(driver, provider_id, request.user),
            "canned": [
                (reply, services.filled_in(reply, conversation, agent))
                for reply in services.replies_for(conversation)
            ],
            "act_url": reverse("admin:chat_conversation_act", args=(conversation.pk,)),
            "transcript_url": reverse(
                "admin:chat_conversation_transcript", args=(conversation.pk,)
            ),
            "news_url": reverse("admin:chat_conversation_news", args=(conversation.pk,)),
            "ticket_url": reverse("admin:chat_conversation_ticket"),
        }

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("<int:pk>/act/", wrap(require_POST(self.act)), name="chat_conversation_act"),
            path(
                "<int:pk>/transcript/",
                wrap(require_POST(self.transcript)),
                name="chat_conversation_transcript",
            ),
            path("<int:pk>/news/", wrap(self.news), name="chat_conversation_news"),
            path(
                "socket-ticket/",
                wrap(require_POST(self.ticket)),
                name="chat_conversation_ticket",
            ),
        ]
        return [*own, *super().get_urls()]

    def act(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a quick action for the driver, if it is still open to this user."""
        conversation = self._seen(request, pk)
        provider_id = getattr(request.user, "provider_id", None)
        offered = {
            action.name: action
            for action in actions_of(conversation.driver, provider_id, request.user)
        }
        action = offered.get(request.POST.get("action", ""))
        if action is None or action.call is None:
            messages.error(request, _("This cannot be done any more."))
        else:
            reason, choice = request.POST.get("reason", ""), request.POST.get("choice", "")
            try:
                with transaction.atomic():
                    action.call(admin_actor(request), reason, choice)
            except (DomainError, DatabaseError) as error:
                messages.error(request, f"{action.title}: {broken_rule(error).detail}")
            else:
                messages.success(request, _("Done: %(what)s.") % {"what": action.title})
        return HttpResponseRedirect(reverse("admin:chat_conversation_change", args=(pk,)))

    def news(self, request: HttpRequest, pk: int) -> JsonResponse:
        """What was said after a number: the page asks every few seconds."""
        conversation = self._seen(request, pk)
        after = request.GET.get("after", "0")
        seq = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0
        return JsonResponse({"messages": news_of(conversation, seq)})

    def ticket(self, request: HttpRequest) -> JsonResponse:
        """A ticket for the page's socket; without a company there is none, and the page asks."""
        user, session_key = request.user, request.session.session_key
        if not self.has_view_permission(request):
            raise PermissionDenied
        if not isinstance(user, User) or user.provider_id is None or not session_key:
            return JsonResponse({}, status=409)
        try:
            made = socket_tickets.issue_ticket(user, actor=user.actor(), session_key=session_key)
        except DomainError as error:
            return JsonResponse({"code": error.code}, status=error.status)
        return JsonResponse({"ticket": made.ticket})

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"ticket_url": reverse("admin:chat_conversation_ticket"), **(extra_context or {})}
        return super().changelist_view(request, context)

    def transcript(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Everything that was said with the driver, as a file; that it left is audited."""
        driver = self._seen(request, pk).driver
        form = "pdf" if request.POST.get("form") == "pdf" else "json"
        if form == "pdf":
            content = transcripts.transcript_pdf(driver, names=True)
        else:
            made = transcripts.transcript_of(driver, names=True)
            content = json.dumps(made, ensure_ascii=False, indent=1).encode()
        try:
            return document_response(
                content,
                form,
                name="conversations",
                content_type=f"application/{form}",
                actor=admin_actor(request),
                filters={"driver": str(driver.pk)},
            )
        except DomainError as error:
            messages.error(request, str(error.detail))
            return HttpResponseRedirect(reverse("admin:chat_conversation_change", args=(pk,)))

    def _seen(self, request: HttpRequest, pk: int) -> Conversation:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found: Conversation | None = self.get_queryset(request).filter(pk=pk).first()
        if found is None:
            raise Http404
        return found

    def service_update(
        self, request: HttpRequest, obj: Any, values: Mapping[str, Any]
    ) -> Conversation:
        actor = admin_actor(request)
        if values.get("reply"):
            author = services.Author.staff(request.user.pk or 0)
            services.post_message(
                obj,
                actor=actor,
                author=author,
                body=values["reply"],
                client_id=values.get("reply_key") or None,
            )
        if values.get("note"):
            services.add_note(obj, actor=actor, body=values["note"])
        if "assignee" in values:
            services.assign(obj, actor=actor, assignee=values["assignee"])
        if "priority" in values:
            services.prioritise(obj, actor=actor, priority=values["priority"])
        obj.refresh_from_db()
        conversation: Conversation = obj
        return conversation

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Whoever has answered stays in the conversation."""
        super().response_change(request, obj)
        return HttpResponseRedirect(reverse("admin:chat_conversation_change", args=(obj.pk,)))


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("conversation", "seq", "author_kind", "body", "sent_at")
    list_filter = ("author_kind",)
    list_select_related = ("conversation",)
    search_fields = ("body",)


@admin.register(Attachment)
class AttachmentAdmin(ReadOnlyAdmin):
    list_display = ("conversation", "file", "author_kind", "author", "created_at")
    list_filter = ("author_kind",)
    list_select_related = ("conversation", "author", "file")


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
