"""The API of chat: support's side, and a driver's own side below `me/`."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from chat import errors, services
from chat.filters import ConversationFilter, MessageFilter, OwnConversationFilter
from chat.models import Attachment, AuthorKind, Conversation, InternalNote, Message
from chat.serializers import (
    AssignSerializer,
    AttachmentInputSerializer,
    AttachmentSerializer,
    ConversationInputSerializer,
    ConversationSerializer,
    MessageInputSerializer,
    MessageSerializer,
    NoteInputSerializer,
    NoteSerializer,
    OwnConversationInputSerializer,
    OwnConversationSerializer,
    OwnMessageSerializer,
    PrioritySerializer,
    ReadMarkSerializer,
    ReadSerializer,
)
from chat.views.callers import person
from drivers.errors import FilesFull, NoDriverRecord, TooManyFiles
from drivers.selectors import own_driver
from fleets.errors import NotAssignable
from voltop import files
from voltop.api.errors import InvalidBase64
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet, ListViewSet
from voltop.crypto import KeyDestroyed
from voltop.errors import IllegalMove, NotFound
from voltop.files import errors as file_errors
from voltop.tables import StoredFile

HANDED_IN = (
    InvalidBase64,
    *file_errors.OF_A_FILE,
    FilesFull,
    TooManyFiles,
    KeyDestroyed,
)
BODY_MAX_BYTES = 14_000_000
OPENING = (errors.UnknownSubject, errors.MessageMismatch, errors.ConversationResolved)


class _Conversations(ListRetrieveViewSet):
    """What both sides do alike."""

    queryset = Conversation.objects.all()
    output_serializers = {"read": ReadMarkSerializer}
    ordering_fields: ClassVar[tuple[str, ...]] = ("id", "last_message_at")

    @action(detail=True, methods=["post"])
    def read(self, request: Request, pk: str) -> Response:
        """Say how far you have read; an older number changes nothing."""
        conversation = self.get_object()
        mark = services.mark_read(
            conversation, actor=self.actor, user_id=person(self.actor), **self.read_input()
        )
        return Response(ReadMarkSerializer(mark).data)


class ConversationView(_Conversations):
    """All conversations of the company, for those who answer drivers."""

    serializer_class = ConversationSerializer
    filterset_class = ConversationFilter
    permissions = {
        "list": "chat.view_conversation",
        "retrieve": "chat.view_conversation",
        "create": "chat.add_conversation",
        "assign": "chat.change_conversation",
        "prioritise": "chat.change_conversation",
        "resolve": "chat.change_conversation",
        "reopen": "chat.change_conversation",
        "read": "chat.add_message",
    }
    input_serializers = {
        "create": ConversationInputSerializer,
        "assign": AssignSerializer,
        "prioritise": PrioritySerializer,
        "resolve": ReasonSerializer,
        "reopen": ReasonSerializer,
        "read": ReadSerializer,
    }
    errors = {
        "create": OPENING,
        "assign": (NotAssignable,),
        "resolve": (IllegalMove,),
        "reopen": (errors.ConversationResolved, IllegalMove),
        "read": (errors.ReadTooFar,),
    }

    def create(self, request: Request) -> Response:
        """Write to a driver first; a standing conversation on the matter takes the message."""
        author = services.Author.staff(person(self.actor))
        conversation = services.open_conversation(
            actor=self.actor, author=author, **self.read_input()
        )
        return self.respond(conversation, status=201)

    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Give the conversation to a person, or (null) to nobody."""
        conversation = self.get_object()
        return self.respond(services.assign(conversation, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["post"])
    def prioritise(self, request: Request, pk: str) -> Response:
        """Say how urgent it is; the answer is due as the company's support rules say of that."""
        conversation = self.get_object()
        return self.respond(
            services.prioritise(conversation, actor=self.actor, **self.read_input())
        )

    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: str) -> Response:
        """Open or pending → resolved."""
        conversation = self.get_object()
        return self.respond(services.resolve(conversation, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Resolved → open."""
        conversation = self.get_object()
        return self.respond(services.reopen(conversation, actor=self.actor, **self.read_input()))


class OwnConversationView(_Conversations):
    """A driver's own conversations at the active company."""

    serializer_class = OwnConversationSerializer
    filterset_class = OwnConversationFilter
    permissions = {
        "list": "chat.speak_as_driver",
        "retrieve": "chat.speak_as_driver",
        "create": "chat.speak_as_driver",
        "read": "chat.speak_as_driver",
    }
    input_serializers = {"create": OwnConversationInputSerializer, "read": ReadSerializer}
    errors = {"create": (NoDriverRecord, *OPENING), "read": (errors.ReadTooFar,)}

    def narrow_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(driver__user_id=person(self.actor))

    def create(self, request: Request) -> Response:
        """Say something about a matter; a standing conversation on it takes the message."""
        driver = own_driver(self.actor)
        conversation = services.open_conversation(
            driver,
            actor=self.actor,
            author=services.Author.driver(person(self.actor)),
            **self.read_input(),
        )
        return self.respond(conversation, status=201)


class _InConversation(ListViewSet):
    """Rows of one conversation, which the caller must be able to see."""

    def conversation(self) -> Conversation:
        """The conversation of the address. Raises NotFound."""
        rows = Conversation.objects.for_provider(self.actor.provider_id)
        found = self.narrow_conversations(rows).filter(pk=self.kwargs["conversation_pk"]).first()
        if found is None:
            raise NotFound()
        return found

    def narrow_conversations(self, rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
        return rows

    def narrow_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(conversation=self.conversation())


SENDING = (
    errors.ConversationResolved,
    errors.MessageEmpty,
    errors.MessageMismatch,
    errors.UnknownAttachment,
)


class MessageView(_InConversation):
    """What was said, in order; `after=` gives exactly what a client has missed."""

    queryset = Message.objects.with_attachments()
    serializer_class: ClassVar[type[BaseSerializer]] = MessageSerializer
    filterset_class = MessageFilter
    ordering = ("seq",)
    permissions = {"list": "chat.view_message", "create": "chat.add_message"}
    input_serializers = {"create": MessageInputSerializer}
    errors = {"create": SENDING}

    def create(self, request: Request, conversation_pk: str) -> Response:
        """Answer the driver. The same client_id again gives back the stored message."""
        message = services.post_message(
            self.conversation(),
            actor=self.actor,
            author=services.Author.staff(person(self.actor)),
            **self.read_input(),
        )
        return self.respond(message, status=201)


class OwnMessageView(MessageView):
    """The same for the driver."""

    serializer_class = OwnMessageSerializer
    permissions = {"list": "chat.speak_as_driver", "create": "chat.speak_as_driver"}

    def narrow_conversations(self, rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
        return rows.filter(driver__user_id=person(self.actor))

    def create(self, request: Request, conversation_pk: str) -> Response:
        """Say something. The same client_id again gives back the stored message."""
        message = services.post_message(
            self.conversation(),
            actor=self.actor,
            author=services.Author.driver(person(self.actor)),
            **self.read_input(),
        )
        return self.respond(message, status=201)


class AttachmentView(_InConversation):
    """Photos and PDFs of a conversation: handed in first, then sent with a message by their ids."""

    queryset = Attachment.objects.select_related("file", "message")
    serializer_class = AttachmentSerializer
    permissions = {
        "list": "chat.view_message",
        "create": "chat.add_message",
        "file": "chat.view_message",
    }
    input_serializers = {"create": AttachmentInputSerializer}
    errors = {"create": HANDED_IN, "file": file_errors.OF_READING}
    files = {"file": tuple(StoredFile.ContentType.values)}
    body_max_bytes: ClassVar[dict[str, int]] = {"create": BODY_MAX_BYTES}
    speaks: ClassVar[AuthorKind] = AuthorKind.STAFF

    def narrow_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """What was sent; of what was not, one's own. Programs have nothing of their own."""
        own = self.actor.id if self.actor.kind == "user" else None
        author = services.Author(self.speaks, own)
        return services.seen_by(super().narrow_queryset(rows), author)

    def create(self, request: Request, conversation_pk: str) -> Response:
        """Hand in a file; it is seen by others when a message was sent with it."""
        conversation, values = self.conversation(), self.read_input()
        prepared = files.prepare(
            values["content"], name=values.get("file_name", ""), actor=self.actor
        )
        author = services.Author(self.speaks, person(self.actor))
        made = services.hand_in_attachment(
            conversation, actor=self.actor, author=author, file=prepared
        )
        return self.respond(made, status=201)

    @action(detail=True, methods=["get"])
    def file(self, request: Request, conversation_pk: str, pk: str) -> HttpResponse:
        """The file, to be saved."""
        return files.download(self.get_object().file)


class OwnAttachmentView(AttachmentView):
    """The same for the driver."""

    permissions = dict.fromkeys(("list", "create", "file"), "chat.speak_as_driver")
    speaks = AuthorKind.DRIVER

    def narrow_conversations(self, rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
        return rows.filter(driver__user_id=person(self.actor))


class NoteView(_InConversation):
    """What staff tell each other about a conversation."""

    queryset = InternalNote.objects.all()
    serializer_class = NoteSerializer
    permissions = {"list": "chat.view_internalnote", "create": "chat.add_internalnote"}
    input_serializers = {"create": NoteInputSerializer}

    def create(self, request: Request, conversation_pk: str) -> Response:
        """Add a note that no driver ever reads."""
        note = services.add_note(self.conversation(), actor=self.actor, **self.read_input())
        return self.respond(note, status=201)
