"""The drivers of a fresh company for tests; their names are what becomes of money sent to them."""

from datetime import datetime

from stdnum import iban

from drivers.models import Driver
from drivers.services.drivers import activate_driver, invite_driver, onboard_driver
from drivers.services.payout_accounts import set_payout_account
from fleets.models import FleetProvider
from fleets.services.sandboxes import domain_of
from voltop.context import Actor

PEOPLE = (("Ana", "Settled"), ("Raul", "Refused"), ("Rita", "Returned"))
CLABES = ("002180000000000012", "002180000000000025", "002180000000000038")


def seed(provider: FleetProvider, asker: Actor, approver: Actor, at: datetime) -> None:
    """Active drivers with accounts that money may be sent to at once."""
    for number, (given, family) in enumerate(PEOPLE):
        driver = _active(provider, given, family, asker, at)
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
