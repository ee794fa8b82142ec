"""Vehicle identification numbers (ISO 3779) and plates: their canonical form and their checks.

The check digit (position 9; 49 CFR 565.15) is demanded where the region has one: North America,
that is first characters 1 to 5, and 7 with F to 9 (ISO 3780). Elsewhere position 9 is the maker's.
Not here: what the number says about the car.
"""

import re

from vehicles.errors import InvalidPlate, InvalidVin

FORM = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
NORTH_AMERICA = re.compile(r"[1-5]|7[F-Z0-9]")
WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
VALUES = {
    **{str(digit): digit for digit in range(10)},
    **dict(zip("ABCDEFGH", range(1, 9), strict=True)),
    **dict(zip("JKLMN", range(1, 6), strict=True)),
    "P": 7,
    "R": 9,
    **dict(zip("STUVWXYZ", range(2, 10), strict=True)),
}


def check_digit(vin: str) -> str:
    """The character that belongs at position 9, whatever stands there."""
    remainder = sum(VALUES[c] * w for c, w in zip(vin, WEIGHTS, strict=True)) % 11
    return "X" if remainder == 10 else str(remainder)


def canonical_vin(value: str) -> str:
    """Upper case, without spaces and hyphens. Raises InvalidVin (400)."""
    vin = re.sub(r"[ -]", "", value).upper()
    if not FORM.fullmatch(vin):
        raise InvalidVin(field="vin", reason="form")
    if NORTH_AMERICA.match(vin) and vin[8] != check_digit(vin):
        raise InvalidVin(field="vin", reason="check_digit")
    return vin


def canonical_plate(value: str) -> str:
    """Letters and digits only, upper case: "abc-12 34" and "ABC1234" are one plate.

    Empty stays empty: a car may have none yet. Raises InvalidPlate (400).
    """
    plate = re.sub(r"[ .·-]", "", value).upper()
    if plate and not (plate.isalnum() and len(plate) <= 16):
        raise InvalidPlate(field="plate")
    return plate
