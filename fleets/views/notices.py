"""The API of one's own notices, and of how one wants to be told."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets.errors import QuietHoursOdd
from fleets.filters import NoticeFilter
from fleets.models import Notice
from fleets.serializers import notices as shapes
from fleets.services import notices
from fleets.views.auth import OwnAccountView
from voltop.api.permissions import PERSON
from voltop.api.viewsets import ListRetrieveViewSet
from voltop.clock import UnknownTimezone


class NoticeView(ListRetrieveViewSet):
    """What the caller was told: of the active company, and of their own account. Newest first."""

    queryset = Notice.objects.select_related("user", "provider")
    serializer_class = shapes.NoticeSerializer
    filterset_class = NoticeFilter
    ordering = ("-id",)
    ordering_fields = ("id",)
    permissions = {"list": PERSON, "retrieve": PERSON, "read": PERSON}

    def narrow_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(user_id=self.actor.id)

    @action(detail=True, methods=["post"])
    def read(self, request: Request, **kwargs: Any) -> Response:
        """Say that you have read it; again changes nothing."""
        notice = self.get_object()
        self.read_input()
        return self.respond(notices.mark_read(notice.user, notice.pk))


class NoticeChoiceView(OwnAccountView):
    """Over which channels one is told, and when not to be disturbed."""

    permissions = {"get": PERSON, "patch": PERSON}
    input_serializers = {"patch": shapes.NoticeChoiceInputSerializer}
    output_serializers = {
        "get": shapes.NoticeChoiceSerializer,
        "patch": shapes.NoticeChoiceSerializer,
    }
    errors = {"patch": (QuietHoursOdd, UnknownTimezone)}

    def get(self, request: Request) -> Response:
        """How you are told of things outside the app."""
        user, _claims = self.person()
        return Response(shapes.NoticeChoiceSerializer(notices.choice_of(user)).data)

    def patch(self, request: Request) -> Response:
        """Change it. What concerns your money or account always leaves by e-mail or SMS."""
        user, _claims = self.person()
        choice = notices.choose(user, actor=user.actor(), values=self.read_input())
        return Response(shapes.NoticeChoiceSerializer(choice).data)
