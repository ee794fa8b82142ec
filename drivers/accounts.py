"""Bank account numbers: what each kind consists of, how it is checked, and how it is masked.

A kind takes a dict of strings and gives the canonical dict back, or raises InvalidPayoutAccount.
IBAN ISO 13616 and Brazilian and US numbers by python-stdnum; CLABE by its own check digit
(Banco de México: weights 3, 7, 1 modulo 10); Pix keys as the Banco Central do Brasil's DICT
defines the five kinds. Not here: whether the account exists or belongs to its holder.
"""

import re
import uuid
from collections.abc import Callable, Mapping

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from stdnum import iban
from stdnum.br import cnpj, cpf
from stdnum.exceptions import InvalidChecksum, InvalidLength
from stdnum.exceptions import ValidationError as StdnumError
from stdnum.us import rtn

from drivers.errors import InvalidPayoutAccount
from drivers.phones import e164

Details = dict[str, str]


def canonical(kind: str, details: Mapping[str, str]) -> Details:
    """The checked, compact form of an account. Raises InvalidPayoutAccount (400)."""
    fields, check = KINDS[kind]
    if set(details) != set(fields):
        raise InvalidPayoutAccount(
            field="details", reason="fields", expected=list(fields), kind=kind
        )
    return check(details)


def mask(kind: str, details: Details) -> str:
    """What people may see: the kind's prefix and the last four characters at most.

    Of an e-mail address the first letter and the domain: its end tells nobody apart.
    """
    number = details.get("iban") or details.get("clabe") or details.get("key") or details["account"]
    name, at_sign, domain = number.partition("@")
    if at_sign:
        return f"{kind.upper()} {name[:1]}••••@{domain}"[:64]
    shown = number[-4:] if len(number) >= 8 else number[-2:]
    prefix = number[:2] if kind == "iban" else kind.upper()
    return f"{prefix} •••• {shown}"


def country_of(kind: str, details: Details) -> str:
    """The country that an account is in, by its number; empty where that does not say."""
    if kind == "iban":
        return details["iban"][:2]
    return {"clabe": "MX", "pix": "BR", "us": "US"}.get(kind, "")


def canonical_text(kind: str, details: Details) -> str:
    """One string per account, for its fingerprint.

    Banks write the same branch account with and without its dash and leading zeros.
    """
    if kind == "branch":
        details = {key: text.replace("-", "").lstrip("0") for key, text in details.items()}
    return kind + "|" + "|".join(f"{key}={details[key]}" for key in sorted(details))


def _stdnum(check: Callable[[str], str], field: str, value: str) -> str:
    """The compact form of a number. Its letters and digits are ASCII: stdnum lets others through,
    by which one account could be written in several ways, and no bank would know it.
    """
    try:
        compact = check(value)
    except StdnumError as error:
        reasons = {InvalidChecksum: "check_digit", InvalidLength: "length"}
        raise InvalidPayoutAccount(
            field=f"details.{field}", reason=reasons.get(type(error), "format")
        ) from error
    if not compact.isascii():
        raise InvalidPayoutAccount(field=f"details.{field}", reason="format")
    return compact


def _iban(details: Mapping[str, str]) -> Details:
    return {"iban": _stdnum(iban.validate, "iban", details["iban"])}


def _clabe(details: Mapping[str, str]) -> Details:
    number = re.sub(r"[ -]", "", details["clabe"])
    if not re.fullmatch(r"[0-9]{18}", number):
        reason = "length" if number.isascii() and number.isdigit() else "format"
        raise InvalidPayoutAccount(field="details.clabe", reason=reason)
    weighted = sum(int(d) * w % 10 for d, w in zip(number[:17], (3, 7, 1) * 6, strict=False))
    if (10 - weighted % 10) % 10 != int(number[17]):
        raise InvalidPayoutAccount(field="details.clabe", reason="check_digit")
    return {"clabe": number}


def _pix(details: Mapping[str, str]) -> Details:
    key_kind, key = details["key_kind"], details["key"].strip()
    checks: dict[str, Callable[[str], str]] = {
        "cpf": _pix_cpf,
        "cnpj": lambda value: _stdnum(cnpj.validate, "key", value),
        "email": _pix_email,
        "phone": _pix_phone,
        "evp": _pix_evp,
    }
    if key_kind not in checks:
        raise InvalidPayoutAccount(
            field="details.key_kind", reason="unknown", expected=sorted(checks)
        )
    return {"key_kind": key_kind, "key": checks[key_kind](key)}


def _pix_cpf(value: str) -> str:
    """Eleven times one digit has right check digits, and belongs to nobody."""
    number = _stdnum(cpf.validate, "key", value)
    if len(set(number)) == 1:
        raise InvalidPayoutAccount(field="details.key", reason="check_digit")
    return number


def _pix_email(value: str) -> str:
    value = value.lower()
    try:
        validate_email(value)
    except ValidationError as error:
        raise InvalidPayoutAccount(field="details.key", reason="format") from error
    if len(value) > 77:
        raise InvalidPayoutAccount(field="details.key", reason="length")
    return value


def _pix_phone(value: str) -> str:
    phone = e164(value, field="details.key")
    if not phone.startswith("+55"):
        raise InvalidPayoutAccount(field="details.key", reason="country")
    return phone


def _pix_evp(value: str) -> str:
    try:
        return str(uuid.UUID(value))
    except ValueError as error:
        raise InvalidPayoutAccount(field="details.key", reason="format") from error


def _branch(details: Mapping[str, str]) -> Details:
    found = {}
    for field, pattern in (
        ("bank", r"[0-9]{3,8}"),
        ("branch", r"[0-9]{1,6}(-?[0-9X])?"),
        ("account", r"[0-9]{3,17}(-?[0-9X])?"),
    ):
        value = re.sub(r"[ .]", "", details[field]).upper()
        if not re.fullmatch(pattern, value):
            raise InvalidPayoutAccount(field=f"details.{field}", reason="format")
        found[field] = value
    return found


def _us(details: Mapping[str, str]) -> Details:
    account = re.sub(r"[ -]", "", details["account"])
    if not re.fullmatch(r"[0-9]{4,17}", account):
        raise InvalidPayoutAccount(field="details.account", reason="format")
    return {"routing": _stdnum(rtn.validate, "routing", details["routing"]), "account": account}


KINDS: Mapping[str, tuple[tuple[str, ...], Callable[[Mapping[str, str]], Details]]] = {
    "iban": (("iban",), _iban),
    "clabe": (("clabe",), _clabe),
    "pix": (("key_kind", "key"), _pix),
    "branch": (("bank", "branch", "account"), _branch),
    "us": (("routing", "account"), _us),
}
