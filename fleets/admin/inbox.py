"""The inbox in the admin: what waits, for whom and until when."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from fleets.admin.base import ReadOnlyAdmin, service_action
from fleets.admin.shown import kind_of, link
from fleets.models import InboxItem, InboxState, User
from fleets.services import inbox
from voltop import clock
from voltop.context import Actor
from voltop.home import all_work, work_for

CHANGE = "fleets.change_inboxitem"


def _take(item: InboxItem, actor: Actor, reason: str) -> Any:
    return inbox.assign(item, actor=actor, assignee=User.objects.get(pk=actor.id or 0))


def _tomorrow(item: InboxItem, actor: Actor, reason: str) -> Any:
    return inbox.snooze(item, actor=actor, until=clock.now() + timedelta(days=1))


def _take_up(item: InboxItem, actor: Actor, reason: str) -> Any:
    return inbox.snooze(item, actor=actor, until=None)


def _done(item: InboxItem, actor: Actor, reason: str) -> Any:
    return inbox.finish(item, actor=actor)


def _is_in(state: str) -> Any:
    return lambda item, actor: item.state == state


def _is_not_mine(item: InboxItem, actor: Actor) -> bool:
    return item.closed_at is None and item.assignee_id != actor.id


def _ends_by_hand(item: InboxItem, actor: Actor) -> bool:
    by_hand = item.work is not None and item.work.done_by_hand
    return by_hand and item.closed_at is None and item.done_at is None


class StateFilter(admin.SimpleListFilter):
    """Open items first of all: what is put off, done or closed only when asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(value, label) for value, label in InboxState.choices if value != "open"]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows: Any = queryset
        return rows.in_states([self.value() or InboxState.OPEN], clock.now())

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            is_default = choice["query_string"] == changelist.get_query_string(
                remove=[self.parameter_name]
            )
            yield {**choice, "display": InboxState.OPEN.label} if is_default else choice


class KindFilter(admin.SimpleListFilter):
    """By kind, in words; kinds that the user may do."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(work.kind, work.title) for work in work_for(request.user)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(InboxItem)
class InboxItemAdmin(ReadOnlyAdmin):
    list_display = ("what", "where", "due_at", "how", "assignee", "snoozed_until")
    list_filter = (StateFilter, KindFilter, "assignee")
    list_select_related = ("assignee",)
    list_display_links = ("what",)
    fields = (
        *("what", "where", "stands", "assignee", "due_at", "snoozed_until"),
        *("done_at", "closed_at", "created_at"),
    )
    ordering = ("due_at", "id")
    actions = (
        service_action(_("I take it"), CHANGE, _take, when=_is_not_mine),
        service_action(_("Put off until tomorrow"), CHANGE, _tomorrow, when=_is_in("open")),
        service_action(_("Take it up again"), CHANGE, _take_up, when=_is_in("snoozed")),
        service_action(_("Nothing more to do"), CHANGE, _done, when=_ends_by_hand),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Only kinds of work that the user may do."""
        kinds = [work.kind for work in work_for(request.user)]
        return super().get_queryset(request).filter(kind__in=kinds)

    @display(description=_("what"))
    def what(self, item: InboxItem) -> str:
        return str(item.title)

    @display(description=_("object"))
    def where(self, item: InboxItem) -> str:
        """A way to the object's own page; where it has none, to the list of its kind."""
        app, _dot, model = item.object_type.partition(".")
        try:
            address = reverse(f"admin:{app}_{model}_change", args=[item.object_id])
        except NoReverseMatch:
            address = all_work()[item.kind].url
        return link(address, f"{kind_of(item.object_type)} {item.object_id}")

    @display(description=_("state"))
    def stands(self, item: InboxItem) -> str:
        return str(InboxState(item.state).label)

    @display(
        description=_("state"),
        label={"open": "warning", "snoozed": "info", "done": "success", "closed": "success"},
    )
    def how(self, item: InboxItem) -> tuple[str, Any]:
        state = InboxState(item.state)
        return state.value, state.label
