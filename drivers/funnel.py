"""The way in, in the admin: who is invited or onboarding, at which step, and since when."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver, DriverDocument, DriverStatus
from drivers.papers import STAGES, Standing, stage_of, standings_from, today_at
from fleets.admin.base import scoped
from fleets.models import FleetPolicy
from voltop import clock

PERMISSION = "drivers.view_driver"
SHOWN = 25
TITLES = {
    "invited": (_("Invited"), _("has not answered yet")),
    "missing": (_("Papers missing"), _("has to hand something in")),
    "rejected": (_("Papers refused"), _("has to hand something in again")),
    "pending": (_("To be reviewed"), _("waits for you")),
    "ready": (_("Ready"), _("only has to be activated")),
}


@dataclass
class Stage:
    """One step of the way and who stands there, whoever waits longest first."""

    name: str
    waiting: list["Waiting"] = field(default_factory=list)

    @property
    def title(self) -> Any:
        return TITLES[self.name][0]

    @property
    def note(self) -> Any:
        return TITLES[self.name][1]

    @property
    def shown(self) -> list["Waiting"]:
        return sorted(self.waiting, key=lambda each: (each.since, each.driver.pk))[:SHOWN]

    @property
    def more(self) -> int:
        return max(0, len(self.waiting) - SHOWN)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody on the way in; `since` is the last thing that moved them or their papers."""

    driver: Driver
    since: datetime
    days: int
    lacking: tuple[Standing, ...]


def stages(drivers: Iterable[Driver], at: datetime) -> list[Stage]:
    """All steps with those who stand there; five statements, however many drivers there are."""
    people = list(drivers)
    policies = FleetPolicy.objects.filter(provider__in={each.provider_id for each in people})
    demanded: dict[int, list[str]] = dict(policies.values_list("provider_id", "driver_documents"))
    papers: dict[int, list[DriverDocument]] = {}
    for paper in DriverDocument.objects.filter(driver__in=people).order_by("-id"):
        papers.setdefault(paper.driver_id, []).append(paper)
    found = {name: Stage(name) for name in STAGES}
    for driver in people:
        own = papers.get(driver.pk, [])
        today = today_at(driver.provider, at)
        standing = standings_from(own, demanded.get(driver.provider_id, []), today)
        since = max(
            [
                getattr(driver, "moved_at", None) or driver.created_at,
                *(each.updated_at for each in own),
            ]
        )
        lacking = tuple(each for each in standing if not each.holds)
        waiting = Waiting(driver, since, max(0, (at - since).days), lacking)
        found[stage_of(driver, standing)].waiting.append(waiting)
    return list(found.values())


def urls() -> list[URLPattern]:
    """The page's address, below those of the drivers in the admin."""
    return [path("funnel/", admin.site.admin_view(page), name="drivers_funnel")]


def page(request: HttpRequest) -> HttpResponse:
    """Where candidates wait, in the caller's company."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    coming = scoped(Driver.objects.all(), request).filter(
        status__in=(DriverStatus.INVITED, DriverStatus.ONBOARDING)
    )
    rows = coming.select_related("provider").annotate(moved_at=Max("events__at"))
    context = {
        **admin.site.each_context(request),
        "title": _("The way in"),
        "stages": stages(rows, clock.now()),
        "several": getattr(request.user, "provider_id", None) is None,
    }
    return TemplateResponse(request, "drivers/funnel.html", context)
