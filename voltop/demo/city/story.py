"""One company's past as a whole: weeks on the road, what was paid for them, what was said."""

import logging
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from voltop.demo.city.bank import BankAccess
from voltop.demo.city.company import own_depots, own_vehicles
from voltop.demo.city.diary import Diary
from voltop.demo.city.past import WEEKS, Past, first_day
from voltop.demo.city.payday import WEEK, Payday
from voltop.demo.city.streets import City
from voltop.demo.city.talk import ask_about_pay, furnish_desk, open_desk, talk
from voltop.demo.client import Client
from voltop.demo.companies import PASSWORD, Company

SOURCE = "City trackers"
NEWCOMER, LUCKY, ASKING = 8, 3, 5
"""Cars whose drivers are new and unsigned, are given a bonus, ask for money back."""
log = logging.getLogger("voltop.city")


class Told(Protocol):
    """What a company's past needs of its place in the city."""

    url: str
    company: Company
    city: City
    owner: Client
    trackers: Client
    odometers_km: dict[int, float]


def tell(place: Told, bank: BankAccess) -> None:
    """Everything that is not there yet of a company's past."""
    company, owner = place.company, place.owner
    if company.driver is not None:
        _talk(place)
    zone = ZoneInfo(company.time_zone)
    vehicles = {number: row["id"] for number, row in own_vehicles(owner, company).items()}
    end = _began(owner, zone)
    first = first_day(end)
    last_week = first + (WEEKS - 1) * WEEK
    diary = Diary(
        place.city,
        company.name,
        zone,
        len(vehicles),
        first,
        end,
        depots=len(own_depots(owner)),
        starts_later={NEWCOMER: last_week},
    )
    past = Past(
        company,
        diary,
        diary.days(place.odometers_km),
        owner=owner,
        trackers=place.trackers,
        vehicles=vehicles,
    )
    past.write()
    if company.log_in_of("accountant"):
        _pay(place, bank, past, diary)


def _began(owner: Client, zone: ZoneInfo) -> date:
    """The local date on which the city began: its days are lived, those before are told."""
    source = next(row for row in owner.each("telemetry/sources") if row["name"] == SOURCE)
    return datetime.fromisoformat(source["created_at"]).astimezone(zone).date()


def _pay(place: Told, bank: BankAccess, past: Past, diary: Diary) -> None:
    """Terms and batches; weeks that have ended since the city began get theirs too."""
    company, first = place.company, diary.first
    accountant = Client(place.url).log_in(str(company.log_in_of("accountant")), PASSWORD)
    payday = Payday(place.owner, accountant, bank, currency=company.currency, first=first)
    newcomer = past.drivers[past.vehicles[NEWCOMER]]
    last_told = first + (WEEKS - 1) * WEEK
    since = {
        driver: last_told if driver == newcomer else first - WEEK
        for driver in past.drivers.values()
    }
    group = payday.agree(since, newcomer)
    lucky, asking = (past.drivers[past.vehicles[number]] for number in (LUCKY, ASKING))
    payday.adjust(lucky, asking, last_told)
    today = datetime.now(UTC).astimezone(diary.zone).date()
    over = (today - timedelta(days=today.weekday()) - first) // WEEK
    weeks = [first + n * WEEK for n in range(over)]
    payday.pay_weeks(group, [week for week in weeks if _worked(place.owner, week)])
    if company.driver is not None:
        driver = Client(place.url).log_in(company.driver[0], PASSWORD)
        support = Client(place.url).log_in(str(company.log_in_of("support")), PASSWORD)
        ask_about_pay(driver, support)
        driver.close()
        support.close()
    accountant.close()
    log.info("%s: paid and in review", company.name)


def _worked(owner: Client, week: date) -> bool:
    between = {"date_from": week.isoformat(), "date_to": (week + WEEK).isoformat()}
    return bool(owner.get("shifts", page_size=1, **between)["results"])


def _talk(place: Told) -> None:
    assert place.company.driver is not None
    driver = Client(place.url).log_in(place.company.driver[0], PASSWORD)
    support = Client(place.url).log_in(str(place.company.log_in_of("support")), PASSWORD)
    dispatcher = Client(place.url).log_in(str(place.company.log_in_of("dispatcher")), PASSWORD)
    talk(driver, support)
    furnish_desk(support, dispatcher)
    open_desk(place.owner)
    for client in (driver, support, dispatcher):
        client.close()
