"""The first page of the admin: what needs somebody now, and how the day stands.

Apps fill the registry's points `WORK` (kinds of work, each the query that finds it) and
`HOME_FIGURES`; this module only shows the answers. A provider id of None is platform staff, who see
all providers together. The same kinds make the inbox's single items, with owners and due times
(`fleets.services.inbox`); what was put off or done there does not count here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from voltop import registry

Urgency = Literal["now", "today", "later"]
_ORDER: dict[str, int] = {"now": 0, "today": 1, "later": 2}
_DUE_IN = {"now": timedelta(hours=1), "today": timedelta(days=1), "later": timedelta(days=7)}


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of work that waits for a person, as long as its cause holds.

    `rows(provider_id)` finds the objects whose cause holds now, `provider` is the way from one of
    them to its provider's id. `permission` is who may do something about it and so owns it:
    others are not shown it. `url` is the admin address where these objects stand.
    `done_by_hand`: a person may say that no more is to be done although the cause goes on.
    """

    kind: str
    title: Any
    rows: Callable[[int | None], QuerySet[Any]]
    url: str
    permission: str
    urgency: Urgency = "today"
    icon: str = "task_alt"
    done_by_hand: bool = False
    provider: str = "provider_id"

    @property
    def due_in(self) -> timedelta:
        """How long after its cause began it should be done."""
        return _DUE_IN[self.urgency]


@dataclass(frozen=True, slots=True)
class Task:
    """How many of one kind of work wait."""

    work: Work
    count: int


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the day, e.g. vehicles on the road."""

    title: Any
    value: str
    url: str
    permission: str
    icon: str = "monitoring"


def all_work() -> dict[str, Work]:
    """Every kind of work of every app, by its name."""
    return {
        work.kind: work for found in registry.collect(registry.WORK).values() for work in found()
    }


def work_for(user: Any) -> list[Work]:
    """The kinds of work that this caller may do something about at the active provider."""
    return [work for work in all_work().values() if user.has_perm(work.permission)]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: adds `home_tasks` and `home_figures` to the index page."""
    context["title"] = _("Today")
    context["home_tasks"] = tasks_for(request.user)
    context["home_figures"] = figures_for(request.user)
    return context


def tasks_for(user: Any) -> list[Task]:
    """What waits for this user, the most urgent first; nothing with a count of zero."""
    if not _sees_anything(user):
        return []
    aside: dict[str, list[int]] = {}
    for function in registry.collect(registry.WORK_SET_ASIDE).values():
        aside |= function(user.provider_id)
    tasks = [
        Task(
            work, _counted(work, user.provider_id).exclude(pk__in=aside.get(work.kind, ())).count()
        )
        for work in work_for(user)
    ]
    return sorted(
        (task for task in tasks if task.count), key=lambda task: _ORDER[task.work.urgency]
    )


def _counted(work: Work, provider_id: int | None) -> QuerySet[Any]:
    """The rows of a kind of work; over all companies, those of real ones."""
    rows = work.rows(provider_id)
    if provider_id is None:
        for function in registry.collect(registry.NOT_COUNTED).values():
            rows = rows.exclude(**{f"{work.provider}__in": function()})
    return rows


def figures_for(user: Any) -> list[Figure]:
    """The day's numbers that this user may see."""
    if not _sees_anything(user):
        return []
    found: Iterable[Figure] = (
        figure
        for function in registry.collect(registry.HOME_FIGURES).values()
        for figure in function(user.provider_id)
    )
    return [figure for figure in found if user.has_perm(figure.permission)]


def _sees_anything(user: Any) -> bool:
    return user.provider_id is not None or bool(user.has_perm("fleets.view_all_providers"))
