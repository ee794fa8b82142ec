"""Names of fields as people read them: "SoC (%)" where the column is called `soc_pct`.

Columns carry their unit or kind at the end of their name; this turns it into words once, for every
model that does not say something else itself. The API keeps the columns' names.
"""

from collections.abc import Iterable

from django.db.models import Field, Model

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


WHOLE = {"km": "distance (km)", "pay_on": "pay day", "on": "date"}
"""Names that the rule does not suit."""


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


def name_fields(models: Iterable[type[Model]]) -> None:
    """Give every field its words, unless its model named it; migrations do not see it."""
    for model in models:
        for field in model._meta.local_fields:
            is_named = getattr(field, "_verbose_name", None) is not None
            if isinstance(field, Field) and not is_named:
                field.verbose_name = in_words(field.name)
