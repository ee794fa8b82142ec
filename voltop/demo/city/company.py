"""Setting up a company of the demo through its own API, as its owner would; again adds nothing."""

import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from voltop.demo.city import papers
from voltop.demo.city.streets import City
from voltop.demo.client import ApiError, Client
from voltop.demo.companies import Company

GIVEN = "Ana Beto Carla Diego Elena Felipe Gloria Hugo Ines Jorge Karla Luis".split()
FAMILY = "Alvarez Barrios Castro Duarte Espinosa Flores Garcia Herrera Ibarra Juarez".split()
HELD_FOR = timedelta(days=45)
"""Since when the cars are the company's: longer than the weeks that `past` tells of."""
HOMES = ((4, 4), (21, 16))
"""The corners at which the depots stand."""
DEPOTS = ("Centro", "Norte")


def set_up(client: Client, company: Company, city: City) -> list[dict[str, Any]]:
    """Depots, chargers, cars, drivers and who holds which car; the city's vehicles."""
    _demand(client)
    depots = _depots(client, company, city)
    _stations(client, depots)
    vehicles = own_vehicles(client, company)
    missing = [number for number in range(company.cars) if number not in vehicles]
    with ThreadPoolExecutor(3) as pool:
        made = pool.map(lambda n: _car_and_driver(client, company, depots, n), missing)
        vehicles |= dict(zip(missing, made, strict=True))
    return [vehicles[number] for number in sorted(vehicles)]


def own_depots(client: Client) -> list[dict[str, Any]]:
    """The city's depots in their order; visitors of the demo may have made others."""
    found = {row["name"]: row for row in client.each("depots")}
    return [found[name] for name in DEPOTS if name in found]


def own_stations(client: Client) -> list[dict[str, Any]]:
    """The stations of the city's depots, in the same order."""
    found = {row["name"]: row for row in client.each("stations")}
    return [found[name] for name in map(_yard, DEPOTS) if name in found]


def own_vehicles(client: Client, company: Company) -> dict[int, dict[str, Any]]:
    """The city's cars by their number, which ends their VIN."""
    start = _vin(company, 0)[:-6]
    rows = [row for row in client.each("vehicles") if row["vin"].startswith(start)]
    return {int(row["vin"][-6:]): row for row in rows}


def _vin(company: Company, number: int) -> str:
    return f"LGXCE4CB7R{company.name[0]}{number:06d}"


def _yard(depot: str) -> str:
    return f"Yard {depot}"


def _demand(client: Client) -> None:
    """Of a fresh company's papers only the licence is demanded: one picture for each driver."""
    if own_depots(client):
        return
    [policy] = client.each("policies")
    client.patch(f"policies/{policy['id']}", {"driver_documents": [papers.LICENCE]})


def _depots(client: Client, company: Company, city: City) -> list[dict[str, Any]]:
    known = own_depots(client)
    if known:
        return known
    places = [city.nodes[node] for node in HOMES]
    if company.cars < 20:
        places = places[:1]
    return [
        client.post(
            "depots",
            {
                "name": name,
                "latitude": f"{at[0]:.6f}",
                "longitude": f"{at[1]:.6f}",
                "grid_limit_kw": "250.0",
            },
        )
        for name, at in zip(DEPOTS, places, strict=False)
    ]


def _stations(client: Client, depots: list[dict[str, Any]]) -> None:
    if own_stations(client):
        return
    for depot in depots:
        station = client.post(
            "stations",
            {
                "name": _yard(depot["name"]),
                "depot": depot["id"],
                "latitude": depot["latitude"],
                "longitude": depot["longitude"],
            },
        )
        for number in range(1, 7):
            evse = client.post(
                "evses",
                {
                    "station": station["id"],
                    "uid": f"{depot['name'][:1]}{number}",
                    "physical_reference": f"Bay {number}",
                },
            )
            fast = number <= 2
            client.post(
                "connectors",
                {
                    "evse": evse["id"],
                    "connector_id": "1",
                    "standard": "IEC_62196_T2_COMBO" if fast else "IEC_62196_T2",
                    "format": "CABLE" if fast else "SOCKET",
                    "power_type": "DC" if fast else "AC_3_PHASE",
                    "max_power_kw": "50.0" if fast else "22.0",
                },
            )


def _car_and_driver(
    client: Client, company: Company, depots: list[dict[str, Any]], number: int
) -> dict[str, Any]:
    chance = random.Random(f"{company.name} {number}")  # noqa: S311 (names of a demo)
    depot = depots[number % len(depots)]["id"]
    models = client.get("vehicle-models", page_size=50)["results"]
    since = (datetime.now(UTC) - HELD_FOR).replace(microsecond=0).isoformat()
    initial = company.name[0]
    vehicle: dict[str, Any] = client.post(
        "vehicles",
        {
            "vin": _vin(company, number),
            "plate": f"{initial}{chance.randint(100, 999)}{number:02d}",
            "label": f"{company.name.split()[0]} {number + 1:02d}",
            "model": chance.choice(models)["id"],
            "depot": depot,
            "tenure_starts_at": since,
        },
    )
    driver = _driver(client, company, chance, depot, number)
    if driver is not None:
        client.post(
            "assignments",
            {
                "vehicle": vehicle["id"],
                "driver": driver["id"],
                "kind": "permanent",
                "starts_at": since,
            },
        )
    return vehicle


def _driver(
    client: Client, company: Company, chance: random.Random, depot: int, number: int
) -> dict[str, Any] | None:
    """One in twelve is still being onboarded, with papers in every state, and holds no car yet."""
    given = GIVEN[number % len(GIVEN)]
    family = FAMILY[(number + number // len(GIVEN)) % len(FAMILY)]
    email = f"{given}.{family}.{number + 1}@drivers.example".lower()
    if company.driver and number == 0:
        email, given, family = company.driver
    driver: dict[str, Any] = client.post(
        "drivers",
        {
            "given_name": given,
            "family_name": family,
            "email": email,
            "employee_number": f"{number + 1:03d}",
            "depot": depot,
        },
    )
    path = f"drivers/{driver['id']}"
    client.post(f"{path}/onboard")
    if number % 12 == 11:
        papers.begin(client, company.country, driver, number // 12)
        return None
    papers.complete(client, company.country, driver, number)
    if client.get(path)["status"] == "onboarding":  # an older place, where nothing is demanded
        client.post(f"{path}/activate")
    _payout_account(client, company, driver, f"{given} {family}", number)
    return driver


def _payout_account(
    client: Client, company: Company, driver: dict[str, Any], holder: str, number: int
) -> None:
    kinds: dict[str, tuple[str, dict[str, str]]] = {
        "MX": ("clabe", {"clabe": _clabe(number)}),
        "BR": ("pix", {"key_kind": "email", "key": f"driver{number}@pix.example"}),
        "DE": ("branch", {"bank": "37040044", "branch": "1", "account": f"53201{number:04d}"}),
    }
    kind, details = kinds[company.country]
    client.post(
        "payout-accounts",
        {"driver": driver["id"], "kind": kind, "details": details, "holder_name": holder},
    )


def _clabe(number: int) -> str:
    """A CLABE with its check digit (weights 3, 7, 1 modulo 10)."""
    first = f"002180{number:011d}"
    total = sum(int(d) * w % 10 for d, w in zip(first, itertools.cycle((3, 7, 1)), strict=False))
    return f"{first}{(10 - total % 10) % 10}"


def quietly(call: Any, *args: Any, **kwargs: Any) -> Any:
    """Call the API where a refusal is part of life (somebody else has booked); None then."""
    try:
        return call(*args, **kwargs)
    except ApiError as error:
        if error.status in (400, 409):
            return None
        raise
