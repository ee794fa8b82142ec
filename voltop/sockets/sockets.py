"""A socket's life: the handshake, the ticket, frames and their answers, news, the end.

Frames are JSON objects with a `type`, in text frames. A frame's `ref` comes back with its answer.

    >>> {"type": "hello", "ticket": "vtw_…"}
    <<< {"type": "welcome", …}
    >>> {"type": "read", "ref": "7", "conversation": 12, "seq": 40}
    <<< {"type": "read", "ref": "7", "conversation": 12, "seq": 40}
    <<< {"type": "error", "ref": "8", "code": "not_found", "status": 404, …}

Each frame is done in a worker thread as a request would be: the person is looked up anew, then the
permission, then the shape, then the object. What ends a socket is told as an error frame, then as
a close code (`voltop.sockets.errors`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from django.conf import settings
from django.utils import translation
from rest_framework.exceptions import ValidationError

from voltop.api import errors as api_errors
from voltop.api.exceptions import as_domain_error, problem, validation_problem
from voltop.api.parsers import decode_json
from voltop.api.permissions import Principal
from voltop.api.renderers import render_json
from voltop.api.serializers import Serializer
from voltop.api.walk import check_text
from voltop.context import bind_request_id
from voltop.database import outages
from voltop.errors import DomainError, PermissionDenied
from voltop.metrics import SOCKET_ENDS
from voltop.sockets import errors
from voltop.sockets.access import Access, authentication
from voltop.sockets.lines import HungUp, Line
from voltop.sockets.threads import in_thread

if TYPE_CHECKING:
    from voltop.sockets.hub import Hub

logger = logging.getLogger(__name__)

HELLO_WITHIN_S = 10
MAX_BAD_FRAMES = 10
MAX_REFUSED_FRAMES = 20
MAX_REF_CHARS = 64
MAX_TICKET_CHARS = 128
RATE_S = 10
INTERNAL_ERROR, TRY_AGAIN = 1011, 1013

Said = dict[str, Any]


class Socket:
    """Base of the sockets of the apps.

    - `frames`: type -> serializer of what stands beside `type` and `ref`. In a worker thread
      `do_<type>(person, values)` gives what the answer holds; then, in the event loop, comes
      `after_<type>(answer)`, where there is one.
    - `enter(person, hello)`: in a worker thread; may refuse. What the welcome says.
    - `admitted()` and `left()`: in the event loop, when the ticket was good, and at the end.
    - `bring_news()`: in the event loop, after `wake()`; sends with `self.tell`.
    """

    frames: ClassVar[Mapping[str, type[Serializer]]] = {}
    hello_serializer: ClassVar[type[Serializer]] = Serializer

    access: Access
    language = "en"

    def __init__(self, line: Line, hub: "Hub") -> None:
        self.line, self.hub = line, hub
        self.loop = asyncio.get_running_loop()
        self.news = asyncio.Event()
        self.verified_at = self.loop.time()
        self._end: asyncio.Future[None] = self.loop.create_future()
        self._frames_left = float(settings.SOCKET_FRAMES_PER_10_S)
        self._counted_at = self.loop.time()
        self._bad = self._refused = 0

    # --- For the apps ----------------------------------------------------------------------------
    def enter(self, person: Principal, hello: Mapping[str, Any]) -> Said:
        raise NotImplementedError

    def still_may(self, person: Principal) -> bool:
        """Whether the person may still do what this socket is for; in a worker thread."""
        raise NotImplementedError

    async def bring_news(self) -> None:
        """Send what is new to this socket, until nothing is."""

    def admitted(self) -> None:
        """The socket was let in. Called once, in the event loop."""

    def left(self) -> None:
        """The socket is over: forget it. Called once, in the event loop."""

    async def tell(self, kind: str, **values: Any) -> None:
        await self.line.write(render_json({"type": kind, **values}).decode())

    def wake(self) -> None:
        self.news.set()

    def require(self, person: Principal, permission: str) -> None:
        """Raises PermissionDenied (403)."""
        if not person.has_perm(permission):
            raise PermissionDenied(permission=permission)

    def end(self, error: errors.SocketError) -> None:
        """End the socket for this reason; from anywhere in the event loop."""
        if not self._end.done():
            self._end.set_exception(error)

    # --- The life --------------------------------------------------------------------------------
    async def run(self) -> None:
        """From the accepted handshake to the close; never raises."""
        code, reason = 0, "hung_up"
        try:
            await self._begin()
            await self._go_on()
        except HungUp:
            pass
        except Exception as error:
            refusal = _refusal(error, None)
            code, reason = _close_code(error, refusal["status"]), refusal["code"]
            if not isinstance(error, errors.SlowReader):
                await self._last_word(error)
        finally:
            self.hub.remove(self)
            if not self._end.cancel():
                self._end.exception()  # seen, also where nobody waited for it any more
        if code:
            await self.line.close(code, reason)
        SOCKET_ENDS.labels(self.line.kind, reason).inc()
        logger.info("socket ended", extra={"code": reason, "kind": self.line.kind})

    async def _begin(self) -> None:
        """The ticket, and the welcome."""
        try:
            async with asyncio.timeout(HELLO_WITHIN_S):
                hello = await self._first()
        except TimeoutError as error:
            raise errors.TicketLate(limit_s=HELLO_WITHIN_S) from error
        ticket, ref = hello.pop("ticket"), hello.pop("ref", None)
        welcome = await in_thread(self._enter, ticket, hello)
        self.hub.admit(self)
        await self.tell(
            "welcome",
            **_referring(ref),
            **welcome,
            ping_within_s=settings.SOCKET_IDLE_S,
            frame_max_bytes=settings.SOCKET_FRAME_MAX_BYTES,
        )

    async def _first(self) -> Said:
        try:
            hello = _read_frame(await self.line.read())
        except errors.FrameTooLarge:
            raise
        except DomainError as error:
            raise errors.TicketExpected() from error
        ticket = hello.get("ticket")
        if hello.pop("type") != "hello" or not isinstance(ticket, str):
            raise errors.TicketExpected()
        if len(ticket) > MAX_TICKET_CHARS:
            raise errors.TicketInvalid()
        return hello

    def _enter(self, ticket: str, hello: Said) -> Said:
        with bind_request_id(uuid4().hex), outages.a_work():
            self.access = authentication().redeem(ticket)
            person = authentication().person_of(self.access)
            self.language = getattr(person, "language", self.language)
            with translation.override(self.language):
                return self.enter(person, _validated(self.hello_serializer, hello))

    async def _go_on(self) -> None:
        """Frames and news, side by side, until one of them ends or the hub ends the socket."""
        both = {self.loop.create_task(self._listen()), self.loop.create_task(self._bring())}
        try:
            await asyncio.wait({*both, self._end}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            results = await asyncio.gather(*both, return_exceptions=True)
        if self._end.done():
            self._end.result()
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _bring(self) -> None:
        while True:
            await self.news.wait()
            self.news.clear()
            await self.bring_news()

    async def _listen(self) -> None:
        while True:
            try:
                async with asyncio.timeout(settings.SOCKET_IDLE_S):
                    text = await self.line.read()
                frame = _read_frame(text)
            except TimeoutError as error:
                raise errors.SocketIdle(limit_s=settings.SOCKET_IDLE_S) from error
            except errors.FrameTooLarge:
                raise
            except DomainError as error:
                await self._answer_bad(error, None)
                continue
            await self._do(frame)

    async def _do(self, frame: Said) -> None:
        kind, ref = frame.pop("type"), frame.pop("ref", None)
        if not self._may_go_on():
            await self._refuse(ref)
        elif kind == "ping":
            await self.tell("pong", **_referring(ref))
        elif kind not in self.frames:
            await self._answer_bad(errors.UnknownFrame(known=sorted(self.frames)), ref)
        else:
            answer = await in_thread(self._perform, kind, ref, frame)
            await self.line.write(render_json(answer).decode())
            after: Callable[[Said], Awaitable[None]] | None
            after = getattr(self, f"after_{kind}", None)
            if after is not None and answer["type"] != "error":
                await after(answer)

    def _perform(self, kind: str, ref: str | None, values: Said) -> Said:
        """One frame, as a request would be: an answer or an error frame. Raises AccessEnded."""

        def done() -> Said:
            person = authentication().person_of(self.access)
            answer: Said = getattr(self, f"do_{kind}")(
                person, _validated(self.frames[kind], values)
            )
            return {"type": kind, **_referring(ref), **answer}

        with bind_request_id(uuid4().hex), translation.override(self.language):
            try:
                return outages.again(done)  # each kind of frame may be done twice
            except errors.AccessEnded:
                raise
            except Exception as error:
                return _refusal(error, ref) | _named(values)

    # --- Bounds ----------------------------------------------------------------------------------
    def _may_go_on(self) -> bool:
        """Whether one more frame is within SOCKET_FRAMES_PER_10_S."""
        now, most = self.loop.time(), settings.SOCKET_FRAMES_PER_10_S
        self._frames_left += (now - self._counted_at) * most / RATE_S
        self._frames_left = min(self._frames_left, most)
        self._counted_at = now
        if self._frames_left < 1:
            return False
        self._frames_left -= 1
        self._refused = 0
        return True

    async def _refuse(self, ref: str | None) -> None:
        self._refused += 1
        if self._refused > MAX_REFUSED_FRAMES:
            raise errors.Flooding()
        wait_s = max(1, round(RATE_S / settings.SOCKET_FRAMES_PER_10_S))
        error = errors.TooManyFrames(wait_s=wait_s)
        await self.line.write(render_json(_refusal(error, ref)).decode())

    async def _answer_bad(self, error: DomainError, ref: str | None) -> None:
        self._bad += 1
        if self._bad > MAX_BAD_FRAMES:
            raise errors.TooManyBadFrames()
        with translation.override(self.language):
            await self.line.write(render_json(_refusal(error, ref)).decode())

    async def _last_word(self, error: Exception) -> None:
        with suppress(HungUp, DomainError), translation.override(self.language):
            await self.line.write(render_json(_refusal(error, None)).decode())


def _read_frame(text: str) -> Said:
    """A frame as an object with a known kind of `type` and `ref`. Raises DomainErrors (400)."""
    try:
        frame = decode_json(text.encode())
    except UnicodeEncodeError as error:
        raise api_errors.InvalidUtf8() from error
    ref = frame.get("ref") if isinstance(frame, dict) else None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise errors.FrameNotText()
    if ref is not None and not (isinstance(ref, str) and len(ref) <= MAX_REF_CHARS):
        raise api_errors.TooLong(field="ref")
    check_text(frame["type"], "type")
    return frame


def _validated(serializer_class: type[Serializer], values: Said) -> Said:
    serializer = serializer_class(data=values, context={"lenient": False, "ignored": []})
    serializer.is_valid(raise_exception=True)
    validated: Said = serializer.validated_data
    return validated


def _referring(ref: str | None) -> Said:
    return {} if ref is None else {"ref": ref}


def _named(values: Said) -> Said:
    """A message's client_id comes back with its refusal too."""
    told = values.get("client_id")
    return {"client_id": told} if isinstance(told, str) else {}


def _refusal(exc: Exception, ref: str | None) -> Said:
    """Anything raised as an error frame: the problem document of a request, without its address."""
    if isinstance(exc, ValidationError):
        document = validation_problem(exc)
    else:
        error = as_domain_error(exc)
        if error.status == 500:
            _report(exc)
        document = problem(error)
    shown = {key: value for key, value in document.items() if key not in ("type", "title")}
    return {"type": "error", **_referring(ref), **shown}


def _close_code(exc: Exception, status: int) -> int:
    """Of errors that are no socket's own: 4403 for a status of 403, and so on."""
    own: int | None = getattr(exc, "close_code", None)
    if own is not None:
        return own
    return TRY_AGAIN if status == 503 else 4000 + status if status < 500 else INTERNAL_ERROR


def _report(error: Exception) -> None:
    logger.error("unexpected error in a socket", exc_info=error)
