"""What stands beside a driver's conversation: cards to be read, quick actions to be taken.

Apps fill the registry's points `DRIVER_CARDS` and `DRIVER_ACTIONS`. A card or an action is for whom
its permission allows it; an action calls the same service as the app's own pages, which audits it
and refuses what is against a rule. Not here: how they look, and tables below a page
(`voltop.panels`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from voltop import registry
from voltop.context import Actor


@dataclass(frozen=True, slots=True)
class Card:
    """A few facts about a driver now: (words, value) by line; `url` leads to all of it."""

    title: Any
    lines: Sequence[tuple[Any, Any]]
    permission: str
    icon: str = "info"
    url: str = ""


@dataclass(frozen=True, slots=True)
class QuickAction:
    """Something that may be done for a driver now.

    `call(actor, reason, choice)` does it; `choices` are (value, words) of what must be chosen for
    it, `asks_reason` says that a reason must be given. Where more is to be told there is no `call`
    but a `link` to the page where it is.
    """

    name: str
    title: Any
    permission: str
    call: Callable[[Actor, str, str], Any] | None = None
    choices: Sequence[tuple[str, Any]] = ()
    choice_title: Any = ""
    asks_reason: bool = False
    link: str = ""


def cards_of(driver: Any, provider_id: int | None, user: Any) -> list[Card]:
    """What the user may see about a driver, app by app."""
    functions = registry.collect(registry.DRIVER_CARDS).values()
    found: list[Card | None] = [function(driver, provider_id) for function in functions]
    return [card for card in found if card is not None and user.has_perm(card.permission)]


def actions_of(driver: Any, provider_id: int | None, user: Any) -> list[QuickAction]:
    """What the user may do for a driver now, app by app."""
    found: list[QuickAction] = [
        action
        for function in registry.collect(registry.DRIVER_ACTIONS).values()
        for action in function(driver, provider_id)
    ]
    return [action for action in found if user.has_perm(action.permission)]
