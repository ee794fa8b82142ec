"""From a handshake to the socket it asks for: /ws/v1/<name>, for each of `registry.SOCKETS`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from voltop import registry
from voltop.errors import DomainError, NotFound
from voltop.metrics import SOCKET_ENDS
from voltop.sockets import errors, origins
from voltop.sockets.hub import Hub, News, here
from voltop.sockets.lines import Line, Receive, Send
from voltop.sockets.sockets import Socket

PREFIX = "/ws/v1/"


@dataclass(frozen=True)
class Kind:
    """What an app registers: its socket, and where its news come from; `more` by the names under
    which they are rung for."""

    socket: type[Socket]
    news: Callable[[Hub], News]
    more: Mapping[str, Callable[[Hub], News]] = field(default_factory=dict)


def kinds() -> dict[str, Kind]:
    """All sockets there are, by name."""
    return {name: made() for name, made in registry.collect(registry.SOCKETS).items()}


async def serve(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """One connection, from its handshake on."""
    found = kinds()
    name = scope["path"].removeprefix(PREFIX).removesuffix("/")
    kind = found.get(name)
    line = Line(scope, receive, send, name if kind is not None else "none")
    refusal: DomainError | None = None
    if kind is None or not scope["path"].startswith(PREFIX):
        refusal = NotFound()
    elif not origins.is_ours(line.headers):
        refusal = errors.ForeignOrigin()
    if kind is None or refusal is not None:
        await _refuse(line, refusal or NotFound())
        return
    news = {name: each.news for name, each in found.items()}
    for each in found.values():
        news |= each.more
    hub = here(news)
    socket = kind.socket(line, hub)
    try:
        hub.knock(socket)
    except errors.TooManySockets as error:
        await _refuse(line, error)
        return
    await line.accept()
    await socket.run()


async def _refuse(line: Line, error: DomainError) -> None:
    SOCKET_ENDS.labels(line.kind, error.code).inc()
    await line.refuse(error)
