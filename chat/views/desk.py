"""The support desk: hours and times, canned replies, search, messages to many."""

from typing import ClassVar

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from chat import errors, services
from chat.filters import AllMessagesFilter, CannedReplyFilter
from chat.models import Announcement, CannedReply, Message, SlaPolicy
from chat.serializers import (
    AnnouncementInputSerializer,
    AnnouncementSerializer,
    CannedReplyInputSerializer,
    CannedReplySerializer,
    CannedReplyUpdateSerializer,
    FilledInSerializer,
    FilledInTextSerializer,
    FoundMessageSerializer,
    SlaPolicyInputSerializer,
    SlaPolicySerializer,
)
from chat.views.callers import person
from fleets.errors import InvalidOpeningHours, ProviderNotActive, UnknownLanguage
from fleets.models import User
from fleets.selectors import active_provider
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet, ListViewSet


class SlaPolicyView(ListRetrieveViewSet):
    """Support hours and times of the company: none or one."""

    queryset = SlaPolicy.objects.all()
    serializer_class = SlaPolicySerializer
    permissions = {
        "list": "chat.view_slapolicy",
        "retrieve": "chat.view_slapolicy",
        "create": "chat.add_slapolicy",
        "partial_update": "chat.change_slapolicy",
    }
    input_serializers = {
        "create": SlaPolicyInputSerializer,
        "partial_update": SlaPolicyInputSerializer,
    }
    errors = {
        "create": (
            errors.PolicyWrong,
            errors.SlaPolicyExists,
            InvalidOpeningHours,
            ProviderNotActive,
        ),
        "partial_update": (errors.PolicyWrong, InvalidOpeningHours),
    }

    def create(self, request: Request) -> Response:
        """Set support hours and times for the first time."""
        policy = services.create_policy(
            active_provider(self.actor), actor=self.actor, **self.read_input()
        )
        return self.respond(policy, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change some; answers that drivers wait for are due by the new ones."""
        policy = self.get_object()
        return self.respond(services.change_policy(policy, actor=self.actor, **self.read_input()))


class CannedReplyView(ListRetrieveViewSet):
    """Answers that are given often. `{{driver}}`, `{{first_name}}`, `{{number}}`, `{{company}}` and
    `{{agent}}` are filled in."""

    queryset = CannedReply.objects.all()
    serializer_class: ClassVar[type[BaseSerializer]] = CannedReplySerializer
    filterset_class = CannedReplyFilter
    permissions = {
        "list": "chat.view_cannedreply",
        "retrieve": "chat.view_cannedreply",
        "create": "chat.add_cannedreply",
        "partial_update": "chat.change_cannedreply",
        "retire": "chat.change_cannedreply",
        "fill_in": "chat.add_message",
    }
    input_serializers = {
        "create": CannedReplyInputSerializer,
        "partial_update": CannedReplyUpdateSerializer,
        "retire": ReasonSerializer,
        "fill_in": FilledInSerializer,
    }
    output_serializers = {"fill_in": FilledInTextSerializer}
    errors = {
        "create": (
            errors.CannedReplyExists,
            errors.UnknownVariable,
            UnknownLanguage,
            ProviderNotActive,
        ),
        "partial_update": (errors.CannedReplyExists, errors.UnknownVariable, UnknownLanguage),
    }

    def create(self, request: Request) -> Response:
        """Keep an answer for further use."""
        reply = services.create_canned_reply(
            active_provider(self.actor), actor=self.actor, **self.read_input()
        )
        return self.respond(reply, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change an answer."""
        reply = self.get_object()
        return self.respond(
            services.update_canned_reply(reply, actor=self.actor, **self.read_input())
        )

    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Offer the answer no more."""
        reply = self.get_object()
        return self.respond(
            services.retire_canned_reply(reply, actor=self.actor, **self.read_input())
        )

    @action(detail=True, methods=["post"], url_path="fill-in")
    def fill_in(self, request: Request, pk: str) -> Response:
        """The answer as you would send it in a conversation; nothing is sent."""
        reply, conversation = self.get_object(), self.read_input()["conversation"]
        agent = User.objects.get(pk=person(self.actor))
        return Response({"body": services.filled_in(reply, conversation, agent)})


class FoundMessageView(ListViewSet):
    """Everything that was said, in all conversations; `search=` by words."""

    queryset = Message.objects.with_attachments()
    serializer_class = FoundMessageSerializer
    filterset_class = AllMessagesFilter
    ordering = ("-id",)
    permissions = {"list": "chat.view_message"}


class AnnouncementView(ListRetrieveViewSet):
    """Messages to many drivers, each with how far it is."""

    queryset = Announcement.objects.select_related("job")
    serializer_class = AnnouncementSerializer
    ordering = ("-id",)
    permissions = {
        "list": "chat.view_announcement",
        "retrieve": "chat.view_announcement",
        "create": "chat.add_announcement",
    }
    input_serializers = {"create": AnnouncementInputSerializer}
    errors = {"create": (errors.UnknownAudience, errors.NobodyToWriteTo)}
    statuses = {"create": 202}

    def create(self, request: Request) -> Response:
        """Write to all drivers, those of a depot, or those on shift (`audience: on_shift`)."""
        person(self.actor)
        announcement = services.announce(
            active_provider(self.actor), actor=self.actor, **self.read_input()
        )
        return self.respond(announcement, status=202)
