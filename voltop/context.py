"""Who acts, for which provider, in which request.

An `Actor` is handed to every service; it is plain data, so that it can be written into events and
carried into tasks. Not here: what the actor may do (`voltop.api.permissions`, `fleets.backends`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from voltop.errors import NotFound

ActorKind = Literal["user", "client", "source", "system"]


class Owned(Protocol):
    """Whatever belongs to one provider."""

    @property
    def provider_id(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who acts: a person, an API client, a telemetry source or a named job.

    `provider_id` is the active provider; None only for platform-wide work.
    `second_factor_at` is when a person last showed the second factor on this log-in.
    `str(actor)` is what event and audit rows keep: it names no person.
    """

    kind: ActorKind
    id: int | None
    provider_id: int | None
    name: str = ""
    second_factor_at: datetime | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name if self.kind == 'system' else self.id}"

    @classmethod
    def system(cls, name: str, provider_id: int | None = None) -> "Actor":
        """A scheduled job or command, e.g. `Actor.system("shifts.auto_close", 3)`."""
        return cls("system", None, provider_id, name)

    @classmethod
    def parse(cls, text: str, provider_id: int | None) -> "Actor":
        """The one whom event and audit rows name, for work done later in that name."""
        kind, _colon, key = text.partition(":")
        if kind == "system":
            return cls.system(key, provider_id)
        if kind not in ("user", "client", "source"):
            raise ValueError(f"no actor: {text}")
        return cls(kind, int(key), provider_id)  # type: ignore[arg-type]  # one of the three

    def require_same_provider(self, *objects: Owned) -> None:
        """All objects belong to the actor's provider (or, for the platform, to one and the same).

        Raises NotFound: another provider's object does not exist for this actor.
        """
        owners = {item.provider_id for item in objects}
        if self.provider_id is not None:
            owners.add(self.provider_id)
        if len(owners) > 1:
            raise NotFound()


_request_id: ContextVar[str] = ContextVar("voltop_request_id", default="")


def current_request_id() -> str:
    """The id of the request (or task run) being served; empty outside one."""
    return _request_id.get()


@contextmanager
def bind_request_id(value: str) -> Iterator[None]:
    token = _request_id.set(value)
    try:
        yield
    finally:
        _request_id.reset(token)
