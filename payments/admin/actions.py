"""List actions of money: one service each, with the reason given beside."""

from collections.abc import Callable
from typing import Any

from fleets.admin.base import When, service_action
from voltop.context import Actor


def move(
    description: Any, permission: str, service: Callable[..., Any], when: When | None = None
) -> Any:
    """An action for a service that takes a row, an actor and a reason."""

    def call(row: Any, actor: Actor, reason: str) -> Any:
        return service(row, actor=actor, reason=reason)

    call.__name__ = service.__name__
    return service_action(description, f"payments.{permission}", call, when=when)


def plain(
    description: Any, permission: str, service: Callable[..., Any], when: When | None = None
) -> Any:
    """An action for a service that takes a row and an actor only."""

    def call(row: Any, actor: Actor, reason: str) -> Any:
        return service(row, actor=actor)

    call.__name__ = service.__name__
    return service_action(description, f"payments.{permission}", call, when=when)
