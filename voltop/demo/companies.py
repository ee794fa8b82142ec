"""Who is in the demo: one company with a whole day's life and two smaller ones beside it."""

from dataclasses import dataclass

PASSWORD = "voltop-demo-place"  # noqa: S105 (printed at every start of the demo)
PLATFORM_LOGIN = "platform@voltop.example"
PAST_IS_WRITTEN = "city-past-is-written"
"""A file of the instance's folder, there once the history of the demo is whole."""

PAST_IS_AT = "city-past-is-at"
"""A file beside it: in a sentence, how far the history is, or why it does not get on."""


@dataclass(frozen=True, slots=True)
class Company:
    """A provider of the demo; `people` are (role, log-in, full name), the owner first.

    `driver` is the log-in of the first driver (e-mail, given name, family name), where one has a
    password: the others are invited like anybody and have none.
    """

    name: str
    country: str
    currency: str
    time_zone: str
    cars: int
    people: tuple[tuple[str, str, str], ...]
    driver: tuple[str, str, str] | None = None

    @property
    def owner(self) -> str:
        return self.people[0][1]

    def log_in_of(self, role: str) -> str | None:
        """The log-in of the first person with this role, if there is one."""
        return next((login for each, login, _name in self.people if each == role), None)


USES = {
    "owner": "decides: approves batches, sees everything of the company",
    "dispatcher": "live map, shifts, bookings, vehicles",
    "accountant": "pay plans, batches, payouts",
    "support": "answers the drivers' conversations",
}
"""What each role's log-in is good for, as the start tells it."""
DRIVER_USE = "a driver: no admin; shift, papers, pay and chat in the app (/driver/)"
PLATFORM_USE = "platform staff: sees all companies, jobs and the outbox"


COMPANIES = (
    Company(
        "Alba Movilidad",
        "MX",
        "MXN",
        "America/Mexico_City",
        60,
        (
            ("owner", "owner@alba.example", "Alma Alba"),
            ("dispatcher", "dispatch@alba.example", "Diego Despacho"),
            ("accountant", "pay@alba.example", "Paula Pagos"),
            ("support", "support@alba.example", "Sofia Soporte"),
        ),
        driver=("driver@alba.example", "Ana", "Flores"),
    ),
    Company(
        "Brisa Elétrica",
        "BR",
        "BRL",
        "America/Sao_Paulo",
        6,
        (("owner", "owner@brisa.example", "Bruno Brisa"),),
    ),
    Company(
        "Corona Fahrdienst",
        "DE",
        "EUR",
        "Europe/Berlin",
        4,
        (("owner", "owner@corona.example", "Clara Corona"),),
    ),
)
