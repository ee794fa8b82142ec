"""Strict serializer fields: the type that the schema says, within bounds, or a named refusal.

Nothing is coerced: "5" is no number, 5 no string, 1.0 no integer. Text loses outer white space and
is kept otherwise.
"""

from voltop.api.fields.containers import ObjectField, StrictListField
from voltop.api.fields.files import Base64Field, base64_schema
from voltop.api.fields.money import Money, MoneyField
from voltop.api.fields.numbers import (
    INT4_MAX,
    INT8_MAX,
    LatitudeField,
    LongitudeField,
    StrictBooleanField,
    StrictDecimalField,
    StrictFloatField,
    StrictIntegerField,
)
from voltop.api.fields.refusal import refusal, refusal_as
from voltop.api.fields.relations import ProviderRelatedField
from voltop.api.fields.text import (
    EmailField,
    SecretField,
    StrictCharField,
    StrictChoiceField,
    StrictUUIDField,
    UrlField,
)
from voltop.api.fields.times import (
    DateField,
    InstantField,
    TimeField,
    format_instant,
    parse_date,
    parse_instant,
)

__all__ = [
    "INT4_MAX",
    "INT8_MAX",
    "Base64Field",
    "DateField",
    "EmailField",
    "InstantField",
    "LatitudeField",
    "LongitudeField",
    "Money",
    "MoneyField",
    "ObjectField",
    "ProviderRelatedField",
    "SecretField",
    "StrictBooleanField",
    "StrictCharField",
    "StrictChoiceField",
    "StrictDecimalField",
    "StrictFloatField",
    "StrictIntegerField",
    "StrictListField",
    "StrictUUIDField",
    "TimeField",
    "UrlField",
    "base64_schema",
    "format_instant",
    "parse_date",
    "parse_instant",
    "refusal",
    "refusal_as",
]
