"""How a driver stands with the papers that the company demands, on a day of its calendar."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from drivers.models import DocumentStatus, Driver, DriverDocument, DriverStatus
from fleets.models import DriverPaper, FleetPolicy, FleetProvider
from voltop import clock

MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Standing:
    """One demanded paper: approved (and valid), pending, rejected, expired or missing.

    `document` is the paper that says so, `expires_on` its last day.
    """

    kind: str
    state: str
    document: DriverDocument | None = None

    @property
    def holds(self) -> bool:
        return self.state == DocumentStatus.APPROVED

    @property
    def title(self) -> str:
        """The paper's kind in words."""
        return str(DriverPaper(self.kind).label)

    @property
    def expires_on(self) -> date | None:
        return self.document.expires_on if self.document is not None else None


def demanded_of(provider_id: int) -> list[str]:
    """The papers that a company's policy demands of its drivers."""
    found: list[str] = FleetPolicy.objects.get(provider_id=provider_id).driver_documents
    return found


def today_at(provider: FleetProvider, at: datetime) -> date:
    """The local day of a company's calendar at an instant."""
    return clock.local_date(at, clock.shown_zone(provider.time_zone))


def standings(driver: Driver, demanded: Sequence[str], on: date) -> list[Standing]:
    """How the driver stands with each demanded paper on a local day."""
    if not demanded:
        return []
    own = DriverDocument.objects.for_provider(driver.provider_id).filter(driver=driver)
    return standings_from(own.filter(kind__in=demanded).order_by("-id"), demanded, on)


def standings_from(
    papers: Iterable[DriverDocument], demanded: Sequence[str], on: date
) -> list[Standing]:
    """The same from a driver's papers at hand, the newest first."""
    by_kind: dict[str, list[DriverDocument]] = {kind: [] for kind in demanded}
    for paper in papers:
        if paper.kind in by_kind:
            by_kind[paper.kind].append(paper)
    return [_standing(kind, found, on) for kind, found in by_kind.items()]


def _standing(kind: str, papers: list[DriverDocument], on: date) -> Standing:
    """Valid paper that lasts longest; else the newest that waits, was refused, or has run out."""
    valid = [paper for paper in papers if paper.holds_on(on)]
    if valid:
        longest = max(valid, key=lambda paper: (paper.expires_on or date.max, paper.pk))
        return Standing(kind, DocumentStatus.APPROVED, longest)
    for paper in papers:
        if paper.status == DocumentStatus.PENDING:
            return Standing(kind, DocumentStatus.PENDING, paper)
    if papers:
        state = papers[0].status
        state = DocumentStatus.EXPIRED if state == DocumentStatus.APPROVED else state
        return Standing(kind, state, papers[0])
    return Standing(kind, MISSING)


def is_complete(driver: Driver, at: datetime) -> bool:
    """Whether all that the company demands is there and valid; never where it demands nothing."""
    demanded = demanded_of(driver.provider_id)
    on = today_at(driver.provider, at)
    return bool(demanded) and all(each.holds for each in standings(driver, demanded, on))


STAGES = ("invited", "missing", "rejected", "pending", "ready")
"""Where somebody who is to drive stands: what they themselves, or staff, have to do next."""


def stage_of(driver: Driver, standing: Sequence[Standing]) -> str:
    """The step of the way in that a driver who is invited or onboarding stands at.

    What the driver has to do comes before what waits for staff.
    """
    if driver.status == DriverStatus.INVITED:
        return "invited"
    states = {each.state for each in standing}
    if states & {MISSING, DocumentStatus.EXPIRED.value}:
        return "missing"
    for stage in ("rejected", "pending"):
        if stage in states:
            return stage
    return "ready"
