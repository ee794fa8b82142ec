"""The first page of the admin: what needs somebody now, and how the day stands.

Apps fill the registry's points `HOME_TASKS` and `HOME_FIGURES` with functions of the provider id
(None for platform staff, who then see all providers together); this module only shows the answers.
Not here: the inbox of single items with owners and due times.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from voltop import registry

Urgency = Literal["now", "today", "later"]
_ORDER: dict[str, int] = {"now": 0, "today": 1, "later": 2}


@dataclass(frozen=True, slots=True)
class Task:
    """Something that waits for a person: `count` of them behind `url`, an admin address.

    `permission` is who may do something about it; others are not shown it.
    """

    title: Any
    count: int
    url: str
    permission: str
    urgency: Urgency = "today"
    icon: str = "task_alt"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the day, e.g. vehicles on the road."""

    title: Any
    value: str
    url: str
    permission: str
    icon: str = "monitoring"


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: adds `home_tasks` and `home_figures` to the index page."""
    context["title"] = _("Today")
    context["home_tasks"] = tasks_for(request.user)
    context["home_figures"] = _allowed(request.user, registry.HOME_FIGURES)
    return context


def tasks_for(user: Any) -> list[Task]:
    """What waits for this user, the most urgent first; nothing with a count of zero."""
    found = [task for task in _allowed(user, registry.HOME_TASKS) if task.count]
    return sorted(found, key=lambda task: _ORDER[task.urgency])


def _allowed(user: Any, point: str) -> list[Any]:
    provider_id = getattr(user, "provider_id", None)
    if provider_id is None and not user.has_perm("fleets.view_all_providers"):
        return []
    answers: Iterable[Any] = (
        item for answer in registry.collect(point).values() for item in answer(provider_id)
    )
    return [item for item in answers if user.has_perm(item.permission)]
