"""Numbers that tell who a person is: sealed under the driver's key, masked, tax ids checked.

Tax ids go by the country: python-stdnum's rules for it (RFC, CPF and CNPJ, IdNr, SSN and ITIN …).
Not here: account numbers (`drivers.accounts`), and whose a number is.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module

from stdnum.exceptions import ValidationError as StdnumError
from stdnum.util import get_cc_module

from fleets.errors import InvalidTaxId
from voltop import crypto

TAX_IDS: Mapping[str, tuple[str, ...]] = {
    "AR": ("cuit",),
    "AT": ("tin", "uid"),
    "BE": ("nn", "bis", "vat"),
    "BR": ("cpf", "cnpj"),
    "CH": ("ssn", "uid"),
    "CL": ("rut",),
    "CO": ("nit",),
    "DE": ("idnr", "vat"),
    "EC": ("ci", "ruc"),
    "ES": ("nif",),
    "FR": ("nif", "siren", "tva"),
    "GB": ("utr", "vat"),
    "IE": ("pps", "vat"),
    "IT": ("codicefiscale", "iva"),
    "MX": ("rfc",),
    "NL": ("bsn", "btw"),
    "PE": ("ruc",),
    "PL": ("nip", "pesel"),
    "PT": ("nif",),
    "SE": ("personnummer", "orgnr"),
    "US": ("tin",),
    "UY": ("rut",),
}
"""By which a country's tax office knows a person or firm, as python-stdnum calls them."""


def subject_of(driver_id: int) -> str:
    """The name of a driver's encryption key."""
    return f"drivers.driver:{driver_id}"


def seal(driver_id: int, provider_id: int, context: str, number: str) -> bytes:
    """The number under the driver's key; nothing for nothing. Raises KeyDestroyed (409)."""
    if not number:
        return b""
    return crypto.encrypt(
        subject=subject_of(driver_id),
        provider_id=provider_id,
        context=context,
        plaintext=number.encode(),
    )


def unseal(driver_id: int, provider_id: int, context: str, sealed: bytes) -> str:
    """The number again. Raises KeyDestroyed (409) after the driver's erasure."""
    if not sealed:
        return ""
    return crypto.decrypt(
        subject=subject_of(driver_id),
        provider_id=provider_id,
        context=context,
        ciphertext=bytes(sealed),
    ).decode()


def compact(number: str) -> str:
    """Its letters and digits alone, by which two ways of writing it are the same."""
    return "".join(sign for sign in number.upper() if sign.isalnum())


def mask(number: str) -> str:
    """The last three signs of a number that is long enough, else none; empty for nothing."""
    plain = compact(number)
    if not plain:
        return ""
    return f"•••• {plain[-3:]}" if len(plain) >= 7 else "••••"


def checked_tax_id(number: str, countries: Iterable[str]) -> str:
    """A tax id in its compact form, as one of the countries knows it; elsewhere as it is written.

    Raises InvalidTaxId (400) where every country has rules and it is right by none.
    """
    if not number.strip():
        return ""
    known = True
    for country in dict.fromkeys(countries):
        rules = TAX_IDS.get(country, ())
        known = known and bool(rules)
        for rule in rules:
            if (found := _valid(country, rule, number)) is not None:
                return found
    if known:
        raise InvalidTaxId(field="holder_tax_id")
    return number.strip()


def _valid(country: str, rule: str, number: str) -> str | None:
    """The compact form by one rule. stdnum lets other scripts' digits through, and one digit
    eleven times over, which no tax office ever gave.
    """
    module = get_cc_module(country, rule) or import_module(f"stdnum.{country.lower()}.{rule}")
    try:
        found = str(module.validate(number))
    except StdnumError:
        return None
    return found if found.isascii() and len({*compact(found)}) > 1 else None
