"""Names of fields and rows as people read them: "SoC (%)" where the column is called `soc_pct`.

Columns carry their unit or kind at the end of their name; this turns it into words once, for every
model that does not say something else itself. The API keeps the columns' names.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Field, Model
from django.utils import timezone
from django.utils.formats import date_format

UNITS = {
    "pct": "%",
    "km": "km",
    "kmh": "km/h",
    "kwh": "kWh",
    "wh": "Wh",
    "kw": "kW",
    "m": "m",
    "s": "s",
    "min": "min",
    "h": "h",
    "deg": "°",
    "c": "°C",
}
"""Ends of names that are a unit."""
SILENT = {"amount", "at", "on"}
"""Ends of names that say only what kind of value it is."""
SPELT = {
    "soc": "SoC",
    "vin": "VIN",
    "dc": "DC",
    "ac": "AC",
    "id": "ID",
    "evse": "EVSE",
    "wh": "Wh",
    "kwh": "kWh",
    "sha256": "SHA-256",
    "url": "URL",
    "ref": "reference",
    "uid": "UID",
    "uuid": "UUID",
    "ip": "IP",
}


WHOLE = {
    "km": "distance (km)",
    "pay_on": "pay day",
    "on": "date",
    "available_at": "told by the bank",
    "number_mask": "number",
}
"""Names that the rule does not suit."""


MODELS = {
    "chat.alarm": ("call for help", "calls for help"),
    "chat.slapolicy": ("support rules", "support rules"),
    "drivers.driverdocument": ("paper", "papers"),
    "fleets.auditentry": ("audit entry", "audit trail"),
    "fleets.dataimport": ("import", "imports"),
    "drivers.facecheck": ("face check", "face checks"),
    "drivers.facetemplate": ("face", "faces"),
    "fleets.fleetpolicy": ("rules", "rules"),
    "fleets.fleetprovider": ("company", "companies"),
    "fleets.inboxitem": ("inbox item", "inbox"),
    "fleets.membership": ("member of staff", "staff"),
    "fleets.webhookendpoint": ("webhook", "webhooks"),
    "payments.entry": ("ledger entry", "ledger"),
    "payments.paymentbatch": ("pay batch", "pay batches"),
    "reservations.chargingstation": ("station", "stations"),
    "reservations.connector": ("connector", "connectors"),
    "reservations.evse": ("charge point", "charge points"),
    "reservations.reservation": ("booking", "bookings"),
    "shifts.platformentry": ("platform entry", "platform income"),
}
"""Kinds of rows, one and many, that people call otherwise than the code does."""


def in_words(name: str) -> str:
    """The words for a column's name; a unit stands in brackets behind them."""
    if name in WHOLE:
        return WHOLE[name]
    words = name.split("_")
    unit = ""
    if len(words) > 1 and words[-1] in UNITS and words[-2] != "per":
        unit = f" ({UNITS[words.pop()]})"
    elif len(words) > 1 and words[-1] in SILENT:
        words.pop()
    return " ".join(SPELT.get(word, word) for word in words) + unit


def moment(at: datetime) -> str:
    """An instant on the page's clock (the company's, else UTC), e.g. 29 Nov 2026, 18:09."""
    return date_format(timezone.localtime(at), "DATETIME_FORMAT")


def told(row: Model, name: str) -> str:
    """A related row in its own words where it is at hand, else its kind and key: asks no database.

    For `__str__`: pages that show it fetch the relation with the row.
    """
    field: Any = row._meta.get_field(name)
    if field.is_cached(row):
        return str(field.get_cached_value(row))
    return f"{field.remote_field.model._meta.verbose_name} {getattr(row, field.attname)}"


def name_fields(models: Iterable[type[Model]]) -> None:
    """Give every field its words, unless its model named it, and models that people call otherwise.

    Migrations do not see it.
    """
    for model in models:
        words = MODELS.get(model._meta.label_lower)
        if words is not None:
            model._meta.verbose_name, model._meta.verbose_name_plural = words
        for field in model._meta.local_fields:
            is_named = getattr(field, "_verbose_name", None) is not None
            if isinstance(field, Field) and not is_named:
                field.verbose_name = in_words(field.name)
