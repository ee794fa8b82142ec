"""The support desk in the admin: the inbox of conversations, and one of them with its driver."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget

from chat import services, transcripts
from chat.admin.shown import facts_of, shown_talk
from chat.models import (
    CONVERSATION_MACHINE,
    Attachment,
    Conversation,
    ConversationEvent,
    ConversationStatus,
    InternalNote,
    Message,
    ReadMark,
)
from chat.selectors import talk_of, timeline_of
from chat.services.attachments import MOST
from fleets.admin.base import (
    ProviderAdmin,
    ReadOnlyAdmin,
    ServiceForm,
    admin_actor,
    scoped,
    service_action,
    status_badge,
)
from fleets.admin.shown import NOTHING, name_of
from fleets.models import User
from fleets.services import socket_tickets
from voltop import files
from voltop.api.database_errors import broken_rule
from voltop.cards import actions_of, cards_of
from voltop.context import Actor
from voltop.errors import DomainError, IllegalMove
from voltop.exports import document_response
from voltop.search import excerpt


def new_key() -> str:
    """Of the answer that a page may send: sent twice, it is one message."""
    return f"desk-{uuid4()}"


class FilesWidget(UnfoldAdminFileFieldWidget):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """So many files as one message may have."""

    widget = FilesWidget

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        chosen = [super(FilesField, self).clean(each, initial) for each in data or ()]
        if len(chosen) > MOST:
            raise forms.ValidationError(
                _("At most %(most)d files at once.") % {"most": MOST}, code="too_many_items"
            )
        return chosen


class ConversationForm(ServiceForm):
    """The conversation's own form: an answer to the driver, a note, an assignee."""

    reply = forms.CharField(
        required=False,
        max_length=4000,
        label=_("Answer the driver"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    attachments = FilesField(
        required=False,
        allow_empty_file=True,  # its refusal names it
        label=_("Files with the answer"),
        help_text=_("Photos (JPEG, PNG or WebP) or PDFs, up to 10 MB each, five at most."),
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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """What counts as changed is what this person chose: another agent may have taken the
        conversation or said how urgent it is since the page was opened."""
        super().__init__(*args, **kwargs)
        for name in self.Meta.fields:
            if name in self.fields:
                self.fields[name].show_hidden_initial = True


def _number(text: str) -> int:
    """A sequence number or key of an address; what is none counts as 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _stamp(rows: Any) -> str:
    """Another text for other rows, other versions of them, or another order."""
    versions = [(row.pk, row.row_version) for row in rows]
    return hashlib.sha256(repr(versions).encode()).hexdigest()[:16]


BASKETS = (
    ("open", "status__exact=open", _("To answer")),
    ("mine", "whose=mine", _("Mine")),
    ("nobody", "whose=nobody", _("Nobody's")),
    ("late", "late=1", _("Late")),
)
"""The first choices of the inbox; everything else is a filter."""


def _resolve(conversation: Conversation, actor: Actor, reason: str) -> Conversation:
    """A page may stand open for long: whoever comes second is told who came first."""
    if conversation.status == ConversationStatus.RESOLVED:
        who = name_of(conversation.events.latest("id").actor) or "Voltop"
        raise IllegalMove(detail=_("%(who)s has resolved it already.") % {"who": who})
    return services.resolve(conversation, actor=actor, reason=reason)


def _reopen(conversation: Conversation, actor: Actor, reason: str) -> Conversation:
    return services.reopen(conversation, actor=actor, reason=reason)


def _take(conversation: Conversation, actor: Actor, reason: str) -> Conversation:
    return services.assign(conversation, actor=actor, assignee=User.objects.get(pk=actor.id))


def _is_anothers(conversation: Conversation, actor: Actor) -> bool:
    return conversation.assignee_id != actor.id


def _found_in(asked: str) -> Any:
    """A column with the newest message that has the words, around the first of them."""

    @admin.display(description=_("was said"))
    def found(conversation: Conversation) -> str:
        body = getattr(conversation, "found_body", None)
        if not body:
            return NOTHING
        return format_html("{}<mark>{}</mark>{}", *excerpt(body, asked))

    return found


class Whose(admin.SimpleListFilter):
    """One's own conversations that are not settled, and those that nobody has taken."""

    title = _("whose")
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("mine", _("mine")), ("nobody", _("nobody's"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        if self.value() == "mine":
            return queryset.unresolved().filter(assignee_id=request.user.pk)
        if self.value() == "nobody":
            return queryset.unresolved().filter(assignee__isnull=True)
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
    ordering = ("status", "-last_message_at")  # open, pending, resolved: as they stand in need
    badge = status_badge(open="warning", pending="info", resolved="success")
    readonly_fields = ("number", "driver")
    fieldsets = (
        (None, {"fields": ("reply", "attachments", "reply_key", "note", "assignee", "priority")}),
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

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By number, by driver, or by the words of what was said."""
        rows, doubled = super().get_search_results(request, queryset, search_term)
        if not search_term or "\x00" in search_term:
            return rows, doubled
        messages_seen: Any = scoped(Message.objects.all(), request)
        said = messages_seen.saying(search_term)
        found = rows | queryset.filter(pk__in=said.values("conversation_id"))
        newest = said.filter(conversation=OuterRef("pk")).order_by("-seq").values("body")[:1]
        return found.annotate(found_body=Subquery(newest)), doubled

    def get_list_display(self, request: HttpRequest) -> Any:
        """What is searched for is shown where it was said."""
        columns = list(super().get_list_display(request))
        asked = request.GET.get(SEARCH_VAR, "")
        return [*columns, _found_in(asked)] if asked else columns

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is not None and request.method == "POST" and self.has_change_permission(request):
            self._look_through(request)
        context = {**(extra_context or {}), **({} if row is None else self._desk(request, row))}
        return super().change_view(request, object_id, form_url, context)

    def _look_through(self, request: HttpRequest) -> None:
        """The files that come with the answer, before its transaction; a refused one is the form's
        error, with its name."""
        uploads, prepared = request.FILES.getlist("attachments"), []
        actor = admin_actor(request)
        for upload in uploads if len(uploads) <= MOST else ():
            try:
                content = upload.read(files.MAX_BYTES + 1)
                prepared.append(files.prepare(content, name=upload.name or "", actor=actor))
            except DomainError as error:
                error.field = "attachments"
                error.detail = _("%(name)s: %(why)s Choose the files once more.") % {
                    "name": upload.name,
                    "why": error.detail,
                }
                request.domain_error = error  # type: ignore[attr-defined]
        request.prepared = prepared  # type: ignore[attr-defined]

    def _desk(self, request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
        """What stands around the form: what was said, the driver's cards, what may be done."""
        driver, provider_id = conversation.driver, getattr(request.user, "provider_id", None)
        agent = request.user if isinstance(request.user, User) else None
        talk = talk_of(conversation)
        return {
            "facts": facts_of(conversation),
            "talk": shown_talk(conversation, talk),
            "last_note": max((said.note for said in talk), default=0),
            "timeline": timeline_of(conversation),
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
                "<int:pk>/files/<int:attachment>/",
                wrap(self.file_view),
                name="chat_conversation_file",
            ),
            path("inbox-news/", wrap(self.inbox_news), name="chat_conversation_inbox_news"),
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
        """What was said and noted after two numbers, and how the conversation stands, as the page
        shows them: it asks when the socket tells of something, and every few seconds without."""
        conversation = self._seen(request, pk)
        talk = talk_of(
            conversation,
            after=_number(request.GET.get("after", "")),
            after_note=_number(request.GET.get("note", "")),
        )
        return JsonResponse(
            {
                "seq": max((said.seq for said in talk), default=0),
                "note": max((said.note for said in talk), default=0),
                "talk": shown_talk(conversation, talk),
                "facts": facts_of(conversation),
                "moves": [
                    {"name": name, "words": str(words)}
                    for name, words in self._moves(request, conversation)
                ],
                "chosen": {
                    "assignee": conversation.assignee_id or "",
                    "priority": conversation.priority,
                },
            }
        )

    def file_view(self, request: HttpRequest, pk: int, attachment: int) -> HttpResponse:
        """A file that was sent, as an attachment, which an image on our own page may show."""
        conversation = self._seen(request, pk)
        if not request.user.has_perm("chat.view_message"):
            raise PermissionDenied
        sent = conversation.attachments.filter(pk=attachment, message__isnull=False)
        found = sent.select_related("file").first()
        if found is None:
            raise Http404
        try:
            return files.download(found.file)
        except DomainError as error:
            messages.error(request, str(error.detail))
            return HttpResponseRedirect(reverse("admin:chat_conversation_change", args=(pk,)))

    def inbox_news(self, request: HttpRequest) -> JsonResponse:
        """A stamp of the rows that the inbox shows with these filters: another one, once any of
        them has changed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            rows = self.get_changelist_instance(request).result_list
        except IncorrectLookupParameters:
            return JsonResponse({"stamp": ""})
        return JsonResponse({"stamp": _stamp(rows)})

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
        context = {
            "ticket_url": reverse("admin:chat_conversation_ticket"),
            "news_url": reverse("admin:chat_conversation_inbox_news"),
            "baskets": self._baskets(request),
            **(extra_context or {}),
        }
        response = super().changelist_view(request, context)
        shown: dict[str, Any] = getattr(response, "context_data", None) or {}
        if "cl" in shown:
            shown["stamp"] = _stamp(shown["cl"].result_list)
        return response

    def _baskets(self, request: HttpRequest) -> list[tuple[str, Any, int, bool]]:
        """The inbox by whose turn it is: query, words, how many, whether it is shown now."""
        rows: Any = self.get_queryset(request)
        counted = rows.unresolved().aggregate(
            mine=Count("pk", filter=Q(assignee=request.user.pk)),
            nobody=Count("pk", filter=Q(assignee=None)),
            late=Count("pk", filter=Q(status="open", escalated_at__isnull=False)),
            open=Count("pk", filter=Q(status="open")),
        )
        asked = request.GET.urlencode()
        return [(query, words, counted[name], query == asked) for name, query, words in BASKETS]

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
        prepared: list[files.Prepared] = getattr(request, "prepared", [])
        if values.get("reply") or prepared:
            services.answer_with_files(
                obj,
                actor=actor,
                body=values.get("reply", ""),
                prepared=prepared,
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
