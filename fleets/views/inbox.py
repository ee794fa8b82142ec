"""The API of the inbox: what waits for a person at the active company."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets.errors import ClosesByItself, ItemClosed, NotAssignable, SnoozeInPast
from fleets.filters import InboxFilter
from fleets.models import InboxItem
from fleets.serializers import inbox as shapes
from fleets.services import inbox
from voltop.api.viewsets import ListRetrieveViewSet
from voltop.home import work_for


class InboxView(ListRetrieveViewSet):
    """Work that waits for somebody, the first due first; only kinds that the caller may do."""

    queryset = InboxItem.objects.all()
    serializer_class = shapes.InboxItemSerializer
    filterset_class = InboxFilter
    ordering = ("due_at", "id")
    ordering_fields = ("due_at", "id")
    permissions = {
        "list": "fleets.view_inboxitem",
        "retrieve": "fleets.view_inboxitem",
        "assign": "fleets.change_inboxitem",
        "snooze": "fleets.change_inboxitem",
        "done": "fleets.change_inboxitem",
    }
    input_serializers = {
        "assign": shapes.InboxAssignSerializer,
        "snooze": shapes.SnoozeSerializer,
    }
    errors = {
        "assign": (NotAssignable, ItemClosed),
        "snooze": (SnoozeInPast, ItemClosed),
        "done": (ClosesByItself, ItemClosed),
    }

    def narrow_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(kind__in=[work.kind for work in work_for(self.principal)])

    @action(detail=True, methods=["post"])
    def assign(self, request: Request, **kwargs: Any) -> Response:
        """Give the item to a person who may do that work, or (null) to nobody in particular."""
        item = self.get_object()
        return self.respond(inbox.assign(item, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, **kwargs: Any) -> Response:
        """Put the item off until an instant within 90 days, or (null) take it up again."""
        item = self.get_object()
        return self.respond(inbox.snooze(item, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["post"])
    def done(self, request: Request, **kwargs: Any) -> Response:
        """Say that there is nothing more to do, although the cause goes on."""
        item = self.get_object()
        self.read_input()
        return self.respond(inbox.finish(item, actor=self.actor))
