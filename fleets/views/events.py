"""The feed of events: what webhooks push, to be pulled in its order."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from fleets.errors import EventsForgotten
from fleets.filters import EventFilter
from fleets.selectors import oldest_event
from fleets.serializers.events import EventSerializer
from voltop.api.viewsets import ListViewSet
from voltop.events import Event


class EventView(ListViewSet):
    """What happened, in one order per company, kept for 35 days.

    Ask with `after`, the last `seq` that you have dealt with. Numbers have no gaps: an event that
    you have seen has no unseen one before it.
    """

    queryset = Event.objects.filter(seq__isnull=False)
    serializer_class = EventSerializer
    filterset_class = EventFilter
    ordering = ("seq",)
    permissions = {"list": "fleets.view_events"}
    errors = {"list": (EventsForgotten,)}

    def list(self, request: Request, **kwargs: Any) -> Response:
        page = self.list_page(self.get_queryset())
        after = int(self.parameters.get("after", "0"))
        oldest = oldest_event(self.actor) if after else 1
        if after and after + 1 < oldest:
            raise EventsForgotten(field="after", oldest=oldest)
        return page
