"""Papers of the demo's drivers, handed in through the API: drawn, and said to be specimens.

The licence makes its driver active. Some are looked after: one runs out soon, one has run out, some
wait for a judge, one was refused.
"""

import base64
from datetime import UTC, date, datetime, timedelta
from typing import Any

from voltop.demo.client import Client
from voltop.specimens import specimen

LICENCE = "driving_licence"
GOOD_FOR = timedelta(days=1000)


def complete(client: Client, country: str, driver: dict[str, Any], number: int) -> None:
    """The demanded licence, approved, which makes active; the fourth driver's runs out in a week,
    and an identity document of the fifth's has run out.
    """
    today = datetime.now(UTC).date()
    until = today + (timedelta(days=6) if number == 3 else GOOD_FOR)
    _approve(client, _hand_in(client, country, driver, LICENCE, number, until))
    if number == 4:
        soon = today + timedelta(days=1)
        other = _hand_in(client, country, driver, "national_id", number, soon)
        _approve(client, other)
        over = today - timedelta(days=9)
        client.patch(f"documents/{other['id']}", {"expires_on": over.isoformat()})


def begin(client: Client, country: str, driver: dict[str, Any], stage: int) -> None:
    """Somebody on the way in: without a licence yet, with one to be judged, or one refused."""
    if stage % 3 == 0:
        return
    until = datetime.now(UTC).date() + GOOD_FOR
    paper = _hand_in(client, country, driver, LICENCE, 900 + stage, until)
    if stage % 3 == 2:
        reason = "The photo is blurred: the number cannot be read."
        client.post(f"documents/{paper['id']}/reject", {"reason": reason})


def _hand_in(
    client: Client, country: str, driver: dict[str, Any], kind: str, number: int, until: date
) -> dict[str, Any]:
    name = f"{driver['given_name']} {driver['family_name']}"
    code = f"{country}-{kind[:1].upper()}{number + 1:06d}"
    title = kind.replace("_", " ")
    drawn = specimen(title, [name, code, f"Country {country}", f"Valid until {until}"])
    made: dict[str, Any] = client.post(
        "documents",
        {
            "driver": driver["id"],
            "kind": kind,
            "country": country,
            "number": code,
            "categories": ["B"] if kind == LICENCE else [],
            "issued_on": (until - timedelta(days=1825)).isoformat(),
            "expires_on": until.isoformat(),
            "file_name": f"{kind}.jpg",
            "content": base64.b64encode(drawn).decode(),
        },
    )
    return made


def _approve(client: Client, paper: dict[str, Any]) -> None:
    client.post(f"documents/{paper['id']}/approve")
