"""The socket of chat: /ws/v1/chat, for drivers and for those who answer them.

It does what the API does, through the same services and with the same permissions: what is sent is
a row first, and what others say is read from the database, after the last number that this socket
was told. Notes among staff are not here. The frames: docs/chat.md.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet, prefetch_related_objects

from chat import services
from chat.errors import ReadTooFar, TooManyFollowed
from chat.models import Conversation, InternalNote, Message
from chat.serializers import (
    FollowFrameSerializer,
    HelloFrameSerializer,
    MessageSerializer,
    NamedFrameSerializer,
    OpenFrameSerializer,
    OwnMessageSerializer,
    ReadFrameSerializer,
    SendFrameSerializer,
)
from chat.services import Author
from chat.services.messages import NOTES
from drivers.selectors import own_driver
from voltop import clock
from voltop.api.permissions import Principal
from voltop.api.renderers import render_json
from voltop.errors import NotFound, PermissionDenied
from voltop.sockets import errors
from voltop.sockets.hub import Hub
from voltop.sockets.routes import Kind
from voltop.sockets.sockets import Said, Socket
from voltop.sockets.threads import in_thread

MAX_FOLLOWED = 50
MAX_CHANGED = 1_000
PAGE = 100
TAIL = 200
OVERLAP = timedelta(seconds=30)
LOOKS_BACK = timedelta(minutes=2)  # who comes after a pause begins with a list
MAX_SEEN = 10_000
NOTES_OVERLAP = 100


@dataclass(frozen=True)
class Side:
    """What drivers and staff do differently: permissions by frame, who speaks, what is shown."""

    name: str
    enter: str
    permissions: Mapping[str, str]
    author: Callable[[int], Author]
    shape: type[Any]


STAFF = Side(
    "staff",
    "chat.view_conversation",
    {
        "follow": "chat.view_message",
        "unfollow": "chat.view_message",
        "send": "chat.add_message",
        "read": "chat.add_message",
    },
    Author.staff,
    MessageSerializer,
)
DRIVER = Side(
    "driver",
    "chat.speak_as_driver",
    dict.fromkeys([*STAFF.permissions, "open"], "chat.speak_as_driver"),
    Author.driver,
    OwnMessageSerializer,
)
SIDES = {side.name: side for side in (STAFF, DRIVER)}


@dataclass(slots=True)
class Cursor:
    """How far a socket has been told of a conversation."""

    seq: int


class ChatSocket(Socket):
    """One person at one company, as staff or as a driver."""

    hello_serializer = HelloFrameSerializer
    frames = {
        "follow": FollowFrameSerializer,
        "unfollow": NamedFrameSerializer,
        "open": OpenFrameSerializer,
        "send": SendFrameSerializer,
        "read": ReadFrameSerializer,
    }

    side: Side

    def __init__(self, line: Any, hub: Hub) -> None:
        super().__init__(line, hub)
        self.chat: ChatNews = hub.news["chat"]  # type: ignore[assignment]  # our kind's own
        self.followed: dict[int, Cursor] = {}
        self.changed: dict[int, Said] = {}
        self.noted: dict[int, int] = {}

    def enter(self, person: Principal, hello: Mapping[str, Any]) -> Said:
        """Staff where the person answers drivers, unless they ask to be the driver."""
        looks = STAFF.name if person.has_perm(STAFF.enter) else DRIVER.name
        self.side = SIDES[hello.get("side", looks)]
        self.require(person, self.side.enter)
        return {"side": self.side.name}

    def still_may(self, person: Principal) -> bool:
        return person.has_perm(self.side.enter)

    # --- Frames, in worker threads ---------------------------------------------------------------
    def do_follow(self, person: Principal, values: Said) -> Said:
        conversation = self._conversation(person, "follow", values)
        after = values["after"]
        if after > conversation.last_seq:
            raise ReadTooFar(field="after", last_seq=conversation.last_seq)
        if len(self.followed) >= MAX_FOLLOWED and conversation.pk not in self.followed:
            raise TooManyFollowed(limit=MAX_FOLLOWED)
        last_seq = conversation.last_seq
        return {"conversation": conversation.pk, "after": after, "last_seq": last_seq}

    def do_unfollow(self, person: Principal, values: Said) -> Said:
        return {"conversation": self._conversation(person, "unfollow", values).pk}

    def do_open(self, person: Principal, values: Said) -> Said:
        """A driver's first words about a matter; a standing conversation on it takes them."""
        if self.side is not DRIVER:
            raise PermissionDenied(permission=DRIVER.enter)
        self.require(person, DRIVER.permissions["open"])
        author = DRIVER.author(_id(person))
        driver = own_driver(person.actor())
        conversation = services.open_conversation(
            driver, actor=person.actor(), author=author, **values
        )
        return _stored(conversation.messages.get(client_id=values["client_id"]))

    def do_send(self, person: Principal, values: Said) -> Said:
        """Stored, through the service that the API calls; the same client_id is the same."""
        conversation = self._conversation(person, "send", values)
        message = services.post_message(
            conversation, actor=person.actor(), author=self.side.author(_id(person)), **values
        )
        return _stored(message)

    def do_read(self, person: Principal, values: Said) -> Said:
        conversation = self._conversation(person, "read", values)
        mark = services.mark_read(
            conversation, actor=person.actor(), user_id=_id(person), seq=values["seq"]
        )
        return {"conversation": conversation.pk, "seq": mark.seq}

    def _conversation(self, person: Principal, frame: str, values: Said) -> Conversation:
        """The conversation that a frame names. Raises PermissionDenied, NotFound."""
        self.require(person, self.side.permissions[frame])
        rows = Conversation.objects.for_provider(person.provider_id)
        if self.side is DRIVER:
            rows = rows.of_user(_id(person))
        found = rows.filter(pk=values.pop("conversation")).first()
        if found is None:
            raise NotFound()
        return found

    # --- News, in the event loop -----------------------------------------------------------------
    async def after_follow(self, answer: Said) -> None:
        self.followed[answer["conversation"]] = Cursor(answer["after"])
        self.chat.follow(self, answer["conversation"], answer["last_seq"])
        self.wake()

    async def after_unfollow(self, answer: Said) -> None:
        if self.followed.pop(answer["conversation"], None) is not None:
            self.chat.unfollow(self, answer["conversation"])

    def admitted(self) -> None:
        self.chat.watch(self)

    def left(self) -> None:
        for conversation in self.followed:
            self.chat.unfollow(self, conversation)
        self.chat.unwatch(self)

    def note_change(self, conversation: int, what: Said) -> None:
        """Of several changes of a conversation that wait to be told, the last one is."""
        self.changed[conversation] = what
        if len(self.changed) > MAX_CHANGED:
            self.end(errors.SlowReader())
        self.wake()

    def note_note(self, conversation: int, note: int) -> None:
        """Staff alone are told that there is one; what it says is fetched."""
        if self.side is not STAFF:
            raise RuntimeError("notes are told to staff alone")
        self.noted[conversation] = max(note, self.noted.get(conversation, 0))
        if len(self.noted) > MAX_CHANGED:
            self.end(errors.SlowReader())
        self.wake()

    async def bring_news(self) -> None:
        while self.changed:
            conversation = next(iter(self.changed))
            await self.tell("changed", conversation=conversation, **self.changed.pop(conversation))
        while self.noted:
            conversation, note = self.noted.popitem()
            await self.tell("note", conversation=conversation, note=note)
        for conversation, cursor in list(self.followed.items()):
            while self.followed.get(conversation) is cursor:
                said = await self.chat.after(conversation, cursor.seq)
                if not said:
                    break
                for item in said:
                    await self.line.write(item.text_for(self.side))
                    cursor.seq = item.seq


def _stored(message: Message) -> Said:
    """What is told to who sent it."""
    return {
        "conversation": message.conversation_id,
        "client_id": message.client_id,
        "seq": message.seq,
        "sent_at": message.sent_at,
    }


def _id(person: Principal) -> int:
    actor = person.actor()
    if actor.kind != "user" or actor.id is None:
        raise PermissionDenied()
    return actor.id


# --- News of a process ---------------------------------------------------------------------------
@dataclass(slots=True)
class SaidOnce:
    """A message as it goes out: written as JSON once for all drivers, once for all staff."""

    conversation: int
    message: Message
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def seq(self) -> int:
        return self.message.seq

    def text_for(self, side: Side) -> str:
        if side.name not in self.texts:
            shown = side.shape(self.message).data
            frame = {"type": "message", "conversation": self.conversation, **shown}
            self.texts[side.name] = render_json(frame).decode()
        return self.texts[side.name]


@dataclass(slots=True)
class Feed:
    """A conversation that sockets here follow: the newest messages, without gaps, up to `last`."""

    last: int
    sockets: set[ChatSocket] = field(default_factory=set)
    tail: deque[SaidOnce] = field(default_factory=lambda: deque(maxlen=TAIL))

    def after(self, seq: int) -> list[SaidOnce] | None:
        """What of the tail comes after a number; None where that began before the tail."""
        if seq >= self.last:
            return []
        if not self.tail or self.tail[0].seq > seq + 1:
            return None
        return [item for item in self.tail if item.seq > seq][:PAGE]


class ChatNews:
    """Reads what is new once for all sockets of the process."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.feeds: dict[int, Feed] = {}
        self.staff: dict[int, set[ChatSocket]] = {}
        self.drivers: dict[tuple[int, int], set[ChatSocket]] = {}
        self._seen: dict[int, int] = {}
        self._looked_at = clock.now()

    # --- Who wants to know -----------------------------------------------------------------------
    def follow(self, socket: ChatSocket, conversation: int, last_seq: int) -> None:
        feed = self.feeds.setdefault(conversation, Feed(last_seq))
        feed.sockets.add(socket)
        self.hub.look_at("chat", conversation)

    def unfollow(self, socket: ChatSocket, conversation: int) -> None:
        feed = self.feeds.get(conversation)
        if feed is not None:
            feed.sockets.discard(socket)
            if not feed.sockets:
                del self.feeds[conversation]

    def watch(self, socket: ChatSocket) -> None:
        access = socket.access
        if socket.side is STAFF:
            self.staff.setdefault(access.provider_id, set()).add(socket)
        else:
            key = (access.provider_id, access.user_id)
            self.drivers.setdefault(key, set()).add(socket)

    def unwatch(self, socket: ChatSocket) -> None:
        access = socket.access
        groups: list[tuple[dict[Any, set[ChatSocket]], Any]] = [
            (self.staff, access.provider_id),
            (self.drivers, (access.provider_id, access.user_id)),
        ]
        for group, key in groups:
            group.get(key, set()).discard(socket)
            if not group.get(key):
                group.pop(key, None)

    # --- Looking ---------------------------------------------------------------------------------
    async def look(self, keys: set[int], *, everything: bool) -> None:
        await self._look_at_messages(set(self.feeds) if everything else keys & set(self.feeds))
        providers = set(self.staff) | {provider for provider, _user in self.drivers}
        began = clock.now()
        looked_at = max(self._looked_at, began - LOOKS_BACK)
        since = looked_at - OVERLAP if everything else None
        for row in await in_thread(_changed, providers, keys, since):
            self._tell_change(*row)
        if everything:
            self._looked_at = began

    async def _look_at_messages(self, conversations: set[int]) -> None:
        """Read on where each feed ends, and wake who follows it."""
        while conversations:
            ends = {pk: self.feeds[pk].last for pk in conversations if pk in self.feeds}
            found = await in_thread(_messages_after, ends)
            full = {pk for pk, messages in found.items() if len(messages) >= PAGE}
            for pk, messages in found.items():
                feed = self.feeds.get(pk)
                if feed is None or feed.last != ends[pk]:
                    continue  # left, and followed anew, meanwhile
                feed.tail.extend(SaidOnce(pk, message) for message in messages)
                feed.last = messages[-1].seq
                for socket in feed.sockets:
                    socket.wake()
            conversations = full

    async def after(self, conversation: int, seq: int) -> list[SaidOnce]:
        """A page of what was said after a number; from memory where it is new."""
        feed = self.feeds.get(conversation)
        said = feed.after(seq) if feed is not None else []
        if said is None:
            found = await in_thread(_messages_after, {conversation: seq})
            said = [SaidOnce(conversation, message) for message in found.get(conversation, ())]
        return said

    def _tell_change(self, pk: int, provider: int, user: int, version: int, what: Said) -> None:
        if self._seen.get(pk) == version:
            return
        if len(self._seen) >= MAX_SEEN:
            self._seen.clear()
        self._seen[pk] = version
        for socket in self.staff.get(provider, set()) | self.drivers.get((provider, user), set()):
            socket.note_change(pk, what)


def _messages_after(ends: Mapping[int, int]) -> dict[int, list[Message]]:
    """Up to a page of messages of each conversation after a number, in order: one query."""
    found: dict[int, list[Message]] = {}
    values = {"ids": list(ends), "ends": list(ends.values()), "page": PAGE}
    messages = list(Message.objects.raw(_AFTER, values))
    with_files = [message for message in messages if message.attachment_count]
    prefetch_related_objects(with_files, "attachments__file")
    for message in messages:
        found.setdefault(message.conversation_id, []).append(message)
    return found


_AFTER = """
SELECT m.* FROM unnest(%(ids)s::int8[], %(ends)s::int4[]) AS told (conversation, seq)
CROSS JOIN LATERAL (
  SELECT * FROM chat_message
  WHERE conversation_id = told.conversation AND seq > told.seq ORDER BY seq LIMIT %(page)s
) m
ORDER BY m.conversation_id, m.seq
"""


def _changed(
    providers: set[int], keys: set[int], since: datetime | None
) -> list[tuple[int, int, int, int, Said]]:
    """Conversations of these companies: those named, and all that changed since an instant."""
    if not providers:
        return []
    rows: QuerySet[Conversation] = Conversation.objects.filter(provider_id__in=providers)
    named = rows.filter(pk__in=keys)
    rows = named if since is None else named | rows.filter(updated_at__gt=since)
    return [
        (pk, provider, user, version, {"last_seq": last_seq, "status": status})
        for pk, provider, user, version, last_seq, status in rows.values_list(
            "pk", "provider_id", "driver__user_id", "row_version", "last_seq", "status"
        )
    ]


class NoteNews:
    """Notes among staff, rung for under a name of their own: a driver's socket hears nothing of
    them, not even when one was written."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._last: int | None = None
        self._told: set[int] = set()

    async def look(self, keys: set[int], *, everything: bool) -> None:
        staff = self.hub.news["chat"].staff  # type: ignore[attr-defined]  # our kind's own
        if not staff:
            self._last = None  # what is written until somebody comes, their page brings
            return
        last, found = await in_thread(_noted, keys, self._last)
        self._last = last
        for note, conversation, provider in found:
            if note not in self._told:
                for socket in staff.get(provider, ()):
                    socket.note_note(conversation, note)
        recent = {note for note in self._told if note > last - NOTES_OVERLAP}
        self._told = recent | {note for note, _conversation, _provider in found}


def _noted(keys: set[int], last: int | None) -> tuple[int, list[tuple[int, int, int]]]:
    """Notes of these conversations, and those after a number, some before it again: one that was
    numbered earlier may have been committed later. Also the last number there is."""
    rows = InternalNote.objects.unscoped()
    newest = rows.order_by("-pk").values_list("pk", flat=True).first() or 0
    after = newest if last is None else last - NOTES_OVERLAP
    wanted = rows.filter(Q(conversation_id__in=keys) | Q(pk__gt=after))
    return newest, list(wanted.values_list("pk", "conversation_id", "provider_id"))


def kind() -> Kind:
    return Kind(ChatSocket, ChatNews, {NOTES: NoteNews})
