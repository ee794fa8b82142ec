"""What of drivers stands in `me/today`: who drives for whom, from where, and papers to see to."""

from datetime import datetime, timedelta
from typing import Any

from drivers import papers
from drivers.models import Driver, DriverStatus
from drivers.serializers import STATES
from fleets.models import DriverPaper
from voltop.api.fields import DateField, StrictCharField, StrictChoiceField, StrictIntegerField
from voltop.api.permissions import PERSON
from voltop.api.serializers import Serializer
from voltop.today import Part

AHEAD = timedelta(days=30)
MOST_PAPERS = 12


class DepotTodaySerializer(Serializer):
    id = StrictIntegerField(min_value=1)
    name = StrictCharField(max_length=120)
    address = StrictCharField(max_length=120)


class DriverTodaySerializer(Serializer):
    id = StrictIntegerField(min_value=1)
    status = StrictChoiceField(choices=DriverStatus.choices)
    name = StrictCharField(max_length=161)
    company = StrictCharField(max_length=120)
    time_zone = StrictCharField(max_length=64)
    depot = DepotTodaySerializer(allow_null=True)


class PaperTodaySerializer(Serializer):
    """A demanded paper that does not hold, or only for 30 days more."""

    kind = StrictChoiceField(choices=DriverPaper.choices)
    title = StrictCharField(max_length=80)
    state = StrictChoiceField(choices=STATES)
    expires_on = DateField(allow_null=True)


def parts() -> list[Part]:
    return [
        Part(PERSON, {"driver": DriverTodaySerializer}, _driver),
        Part("drivers.own_papers", {"papers": [PaperTodaySerializer]}, _papers),
    ]


def _driver(driver: Driver, at: datetime) -> dict[str, Any]:
    depot = driver.depot
    shown = {
        "id": driver.pk,
        "status": driver.status,
        "name": f"{driver.given_name} {driver.family_name}".strip(),
        "company": driver.provider.name,
        "time_zone": driver.provider.time_zone,
        "depot": depot and {"id": depot.pk, "name": depot.name, "address": depot.address[:120]},
    }
    return {"driver": shown}


def _papers(driver: Driver, at: datetime) -> dict[str, Any]:
    today = papers.today_at(driver.provider, at)
    standing = papers.standings(driver, driver.provider.policy.driver_documents, today)
    wanting = [each for each in standing if not each.holds or _ends_soon(each, today)]
    return {"papers": wanting[:MOST_PAPERS]}


def _ends_soon(paper: papers.Standing, today: Any) -> bool:
    return paper.expires_on is not None and paper.expires_on <= today + AHEAD
