"""Phone numbers, by the phonenumbers library (Google's metadata)."""

import phonenumbers

from drivers.errors import InvalidPhone


def e164(value: str, *, field: str = "phone") -> str:
    """The number in E.164, e.g. "+525512345678". Raises InvalidPhone (400)."""
    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException as error:
        raise InvalidPhone(field=field) from error
    if not phonenumbers.is_possible_number(number):
        raise InvalidPhone(field=field)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
