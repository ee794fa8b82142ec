"""What of drivers stands in `me/today`: for whom, from where; papers and the face to see to."""

from datetime import datetime, timedelta
from typing import Any

from drivers import papers
from drivers.errors import FaceConsentRequired, FaceNotEnrolled
from drivers.faces import consent
from drivers.models import Driver, DriverStatus, FaceTemplate
from drivers.serializers import STATES
from drivers.services.faces import GONE
from fleets.models import DriverPaper, FleetPolicy
from voltop.api.fields import DateField, StrictCharField, StrictChoiceField, StrictIntegerField
from voltop.api.permissions import PERSON
from voltop.api.serializers import Serializer
from voltop.errors import DomainError
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


class FaceTodaySerializer(Serializer):
    """What the company's rules on faces ask of the driver, once: to enrol, or to agree anew."""

    code = StrictChoiceField(choices=[FaceNotEnrolled.code, FaceConsentRequired.code])
    detail = StrictCharField(max_length=200)


def parts() -> list[Part]:
    return [
        Part(PERSON, {"driver": DriverTodaySerializer}, _driver),
        Part("drivers.own_papers", {"papers": [PaperTodaySerializer]}, _papers),
        Part("drivers.own_face", {"face": FaceTodaySerializer}, _face),
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


def _face(driver: Driver, at: datetime) -> dict[str, Any]:
    """Of whoever drives for a company that asks for faces: none is enrolled, or, where faces are
    asked for at log-in, with consent to a text that did not speak of it.
    """
    policy: FleetPolicy = driver.provider.policy
    if not policy.wants_faces or driver.status in GONE:
        return {"face": None}
    agreed = FaceTemplate.objects.filter(driver=driver).values_list("consent_version", flat=True)
    wanted = _face_wanted(agreed.first(), policy)
    return {"face": wanted and {"code": wanted.code, "detail": str(wanted.message)[:200]}}


def _face_wanted(agreed: str | None, policy: FleetPolicy) -> type[DomainError] | None:
    if agreed is None:
        return FaceNotEnrolled
    at_log_in = policy.face_login != FleetPolicy.FaceLogin.NEVER
    return FaceConsentRequired if at_log_in and agreed not in consent.OF_LOG_IN else None
