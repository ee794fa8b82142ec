"""What a caller may never see, and the field that each such value stands in.

Every text of a provider's rows that stands in nobody else's is a canary: an answer to anyone of the
other company that holds one names the field that leaked. Provider B's texts that are empty, or
alike at A, are filled with a word made of model and field. What is secret (hashes, tokens, sealed
values) is a canary for everybody.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import Error, connection, models, transaction

from drivers import identities
from fleets.models import FleetProvider

PREFIX = "cnryB"
WORD = re.compile(r"[A-Za-z0-9_.@+-]{8,}")
SECRETS = re.compile(
    r"(^|_)(password|secret|hash|token|checksum|wrapped_key|session_key|details|fingerprint|sealed)$"
)
PLAIN_SECRETS = {"NL91ABNA0417164300": "drivers.PayoutAccount.details"}
NATIONAL_ID = "drivers.Driver.national_id"
DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "openapi.yaml"

KEPT = {
    "words of the system's own": (
        *("time_zone", "currency", "country", "language", "from_state", "to_state", "action"),
        *(
            "kind",
            "object_type",
            "about_type",
            "scope",
            "category",
            "unit",
            "system",
            "purpose",
            "delimiter",
        ),
    ),
    "kind and number of a row, not a text": (
        *("actor", "on_behalf_of", "created_by", "changed_by", "approved_by", "proposed_by"),
        *("requested_by", "decided_by", "accepted_by", "object_id", "about_id", "subject"),
    ),
    "a code of the system's own": ("drivers.FaceCheck.refusal",),
    "a name that the store gives": ("voltop.StoredFile.place",),
    "the same at both companies on purpose": ("fleets.ExternalRef.external_id",),
}
"""Fields that no canary can stand in, by reason."""

PRIVATE = (
    *("drivers.Driver", "drivers.DriverDocument", "drivers.FaceCheck"),
    *("drivers.PayoutAccount", "drivers.Engagement"),
)
"""Rows about a driver that no other driver sees, whatever else they share."""

ALL = "owner manager dispatcher accountant support viewer"
KNOWING = "owner manager dispatcher accountant"
PAYING = "owner accountant"
SEEN_BY = {
    "chat.InternalNote.body": "owner manager dispatcher accountant support",
    "drivers.Driver.birth_date": KNOWING,
    "drivers.Driver.email": ALL,
    "drivers.Driver.emergency_contact_name": ALL,
    "drivers.Driver.emergency_contact_phone": ALL,
    "drivers.Driver.employee_number": ALL,
    "drivers.Driver.family_name": ALL,
    "drivers.Driver.given_name": ALL,
    NATIONAL_ID: KNOWING,
    "drivers.Driver.phone": ALL,
    "drivers.DriverDocument.number_mask": "owner manager dispatcher",
    "drivers.Engagement.cost_centre": "owner manager dispatcher accountant support",
    "drivers.FaceCheck.engine": "owner manager dispatcher",
    "drivers.FaceCheck.reason": "owner manager dispatcher",
    "drivers.PayoutAccount.holder_name": PAYING,
    "drivers.PayoutAccount.holder_tax_mask": PAYING,
    "drivers.PayoutAccount.mask": PAYING,
}
"""What is personal of a driver → the staff who may see it, in the API and in the admin alike. Kept
by hand; numbers of accounts are secret to all."""


def words(value: Any) -> set[str]:
    """The words of a value that are long enough to be recognised."""
    if isinstance(value, bytes | memoryview):
        raw = bytes(value)
        return {raw.hex(), base64.b64encode(raw).decode().rstrip("=")} if len(raw) > 7 else set()
    return {word.strip(".-+") for word in WORD.findall(str(value))} if value else set()


def is_telling(word: str) -> bool:
    """Whether a word is no word of the language, which anybody may use."""
    return PREFIX.lower() in word.lower() or any(letter.isdigit() for letter in word)


def owned_models() -> list[type[models.Model]]:
    """Every model whose rows belong to providers."""
    return [
        model
        for model in apps.get_models()
        if hasattr(model._default_manager.all(), "for_provider")
        and not getattr(model, "shared_catalogue", False)
    ]


def rows_of(model: type[models.Model], provider: FleetProvider) -> list[Any]:
    manager: Any = model._default_manager
    return list(manager.all().for_provider(provider.pk).order_by("pk"))


def is_text(field: Any) -> bool:
    """Whether a field holds a text that somebody gave."""
    kept = any({field.name, name_of(field)} & set(names) for names in KEPT.values())
    text = isinstance(field, models.CharField | models.TextField)
    return text and not field.choices and not kept


def is_secret(field: Any) -> bool:
    kinds = (models.CharField, models.TextField, models.BinaryField)
    return isinstance(field, kinds) and SECRETS.search(field.name) is not None


def name_of(field: Any) -> str:
    return f"{field.model._meta.label}.{field.name}"


class Canaries:
    """Planted once, when the world is built."""

    def __init__(self, ours: FleetProvider, theirs: FleetProvider) -> None:
        known = words(DOCUMENT.read_text()) | self._words_of(ours).keys()
        once = self._words_of(theirs).keys()
        for model in owned_models():
            for row in rows_of(model, theirs):
                plant(row, known)
        self.private = dict(self._private(ours, known))
        mine = self._words_of(ours)
        foreign = self._words_of(theirs) | {
            word: NATIONAL_ID for word, _driver in planted_identities(theirs, PREFIX)
        }
        self.by_provider = {
            "a": {word: mine[word] for word in mine.keys() - foreign.keys() - once},
            "b": {word: foreign[word] for word in foreign.keys() - known},
        }
        self.secrets = PLAIN_SECRETS | dict(self._secrets())

    @staticmethod
    def _words_of(provider: FleetProvider) -> dict[str, str]:
        return {
            word: name_of(field)
            for model in owned_models()
            for row in rows_of(model, provider)
            for field in filter(is_text, model._meta.concrete_fields)
            for word in words(getattr(row, field.attname))
            if is_telling(word)
        }

    @staticmethod
    def _private(ours: FleetProvider, known: set[str]) -> Iterator[tuple[str, tuple[str, int]]]:
        """Words of the rows about drivers and of notes, with whose they are (notes: nobody's)."""
        for word, driver_id in planted_identities(ours, "privA"):
            yield word, (NATIONAL_ID, driver_id)
        for label in (*PRIVATE, "chat.InternalNote"):
            for row in rows_of(apps.get_model(label), ours):
                plant(row, known, "privA")
                driver = row if label == "drivers.Driver" else getattr(row, "driver", None)
                if driver is row:
                    born = date(1903, 1, 1) + timedelta(days=row.pk % 9_000)
                    _write(row, {"birth_date": born})
                    yield born.isoformat(), ("drivers.Driver.birth_date", row.pk)
                row.refresh_from_db()
                for field in filter(is_text, row._meta.concrete_fields):
                    for word in filter(is_telling, words(getattr(row, field.attname))):
                        yield word, (name_of(field), driver.pk if driver else 0)

    @staticmethod
    def _secrets() -> Iterator[tuple[str, str]]:
        for model in apps.get_models():
            for field in filter(is_secret, model._meta.concrete_fields):
                for value in model._base_manager.values_list(field.attname, flat=True):
                    yield from ((word, name_of(field)) for word in words(value))

    def filled(self) -> set[str]:
        """The fields of provider B's that have a canary."""
        return set(self.by_provider["b"].values())

    def shown(
        self, provider: str | None, content: bytes, driver_id: int | None = None, role: str = ""
    ) -> set[str]:
        """The fields whose values an answer to somebody of a provider must not hold, but does.

        Who serves no provider may see all of them, but what is secret; a driver of A sees nothing
        private of another's, A's staff of their drivers what `SEEN_BY` leaves to their role.
        """
        others = {"a": ("b",), "b": ("a",), "suspended": ("a", "b"), None: ()}[provider]
        found = words(content.decode(errors="replace"))
        indexes: Iterable[dict[str, str]] = (
            self.secrets,
            *(self.by_provider[other] for other in others),
        )
        names = {index[word] for index in indexes for word in found & index.keys()}
        private = [self.private[word] for word in found & self.private.keys()]
        if driver_id is not None:
            names |= {name for name, whose in private if whose != driver_id}
        if role:
            names |= {name for name, _whose in private if role not in SEEN_BY[name].split()}
        return names


def plant(row: Any, known: set[str], prefix: str = PREFIX) -> None:
    """Fill the texts of a row that are empty or known; what the database refuses stays."""
    fields = [
        field
        for field in filter(is_text, row._meta.concrete_fields)
        if not is_secret(field)
        and not any(map(is_telling, words(getattr(row, field.attname)) - known))
    ]
    values = {field.name: canary(row, field, prefix) for field in fields}
    if values and not _write(row, values):
        for name, value in values.items():
            _write(row, {name: value})


def planted_identities(provider: FleetProvider, prefix: str) -> Iterator[tuple[str, int]]:
    """A number of its own for each driver, sealed as such numbers are; with whose it is."""
    for driver in rows_of(apps.get_model("drivers.Driver"), provider):
        word = f"{prefix}{driver.pk}driver_national_id"
        assert _write(driver, identities.columns_of(driver.pk, provider.pk, word))
        yield word, driver.pk


def canary(row: Any, field: Any, prefix: str) -> str:
    """A word made of row, model and field, in the form that the column takes."""
    if field.name == "phone":
        return f"+49155{row.pk:08}"
    return f"{prefix}{row.pk}{row._meta.model_name}_{field.name}"[: field.max_length]


def _write(row: Any, values: dict[str, Any]) -> bool:
    """Past the triggers that keep history as it is; the constraints hold."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            row.__class__._base_manager.filter(pk=row.pk).update(**values)
            cursor.execute("SET LOCAL session_replication_role = origin")
    except Error:
        return False
    return True
