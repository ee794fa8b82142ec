"""Papers for tests: a company that demands some, and how a driver comes to have them."""

from datetime import UTC, date, datetime
from typing import Any

from drivers import services
from drivers.models import Driver, DriverDocument
from fleets.models import FleetPolicy, FleetProvider
from voltop import files

NOON = datetime(2026, 12, 10, 18, 0, tzinfo=UTC)
"""Midday in Mexico City on 10 December, where provider A is at home (UTC-6)."""
TODAY = date(2026, 12, 10)
PICTURE = files.Prepared(b"a picture", "image/jpeg", "licence.jpg")


def demand(provider: FleetProvider, *kinds: str) -> None:
    FleetPolicy.objects.filter(provider=provider).update(driver_documents=list(kinds))


def hand_in(cast: Any, driver: Driver, kind: str = "driving_licence", **values: Any) -> Any:
    """A paper that staff hand in for the driver."""
    values = {"file": PICTURE, "at": NOON, "actor": cast.actor(driver.provider), **values}
    return services.hand_in_document(driver, kind=kind, **values)


def approved(cast: Any, driver: Driver, kind: str = "driving_licence", **values: Any) -> Any:
    document: DriverDocument = hand_in(cast, driver, kind, **values)
    at = values.get("at", NOON)
    return services.approve_document(document, actor=cast.actor(driver.provider), at=at)
