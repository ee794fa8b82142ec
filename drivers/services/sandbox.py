"""The drivers of a fresh company for tests; their names are what becomes of money sent to them."""

from datetime import datetime, timedelta

from stdnum import iban

from drivers.models import Driver
from drivers.papers import demanded_of, today_at
from drivers.services.documents import approve_document, hand_in_document
from drivers.services.drivers import activate_driver, invite_driver, onboard_driver
from drivers.services.payout_accounts import set_payout_account
from fleets.models import FleetProvider
from fleets.services.sandboxes import domain_of
from voltop import files
from voltop.context import Actor
from voltop.specimens import specimen

PEOPLE = (("Ana", "Settled"), ("Raul", "Refused"), ("Rita", "Returned"))
CLABES = ("002180000000000012", "002180000000000025", "002180000000000038")


def seed(provider: FleetProvider, asker: Actor, approver: Actor, at: datetime) -> None:
    """Active drivers with accounts that money may be sent to at once."""
    for number, (given, family) in enumerate(PEOPLE):
        driver = _active(provider, given, family, asker, at)
        _papers(driver, asker, at)
        kind, details = _account(provider.country, number, driver)
        set_payout_account(
            driver,
            actor=asker,
            kind=kind,
            details=details,
            holder_name=f"{given} {family}",
            at=at,
        )


def _active(provider: FleetProvider, given: str, family: str, actor: Actor, at: datetime) -> Driver:
    driver = invite_driver(
        provider,
        actor=actor,
        given_name=given,
        family_name=family,
        email=f"{given.lower()}@{domain_of(provider)}",
        employee_number=family.upper(),
        at=at,
    )
    driver = onboard_driver(driver, actor=actor, at=at)
    return activate_driver(driver, actor=actor, at=at)


def _papers(driver: Driver, actor: Actor, at: datetime) -> None:
    """What the country's rules demand, good for a year."""
    until = today_at(driver.provider, at) + timedelta(days=365)
    for kind in demanded_of(driver.provider_id):
        lines = [driver.name, f"{kind}, {driver.provider.country}", f"valid until {until}"]
        handed_in = hand_in_document(
            driver,
            actor=actor,
            kind=kind,
            file=files.Prepared(specimen("Paper for tests", lines), "image/jpeg", "paper.jpg"),
            country=driver.provider.country,
            expires_on=until,
            at=at,
        )
        approve_document(handed_in, actor=actor, at=at)


def _account(country: str, number: int, driver: Driver) -> tuple[str, dict[str, str]]:
    """A well-formed account of the kind that the country pays to."""
    if country == "MX":
        return "clabe", {"clabe": CLABES[number]}
    if country == "BR":
        return "pix", {"key_kind": "email", "key": driver.email}
    if country == "US":
        return "us", {"routing": "021000021", "account": f"{number + 1:08d}"}
    bban = f"37040044{number + 1:010d}"
    return "iban", {"iban": f"DE{iban.calc_check_digits(f'DE00{bban}')}{bban}"}
