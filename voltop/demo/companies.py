"""Who is in the demo: one company with a whole day's life and two smaller ones beside it."""

from dataclasses import dataclass

PASSWORD = "voltop-demo-place"  # noqa: S105 (printed at every start of the demo)
PLATFORM_LOGIN = "platform@voltop.example"


@dataclass(frozen=True, slots=True)
class Company:
    """A provider of the demo; `people` are (role, log-in, full name), the owner first."""

    name: str
    country: str
    currency: str
    time_zone: str
    cars: int
    people: tuple[tuple[str, str, str], ...]

    @property
    def owner(self) -> str:
        return self.people[0][1]


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
