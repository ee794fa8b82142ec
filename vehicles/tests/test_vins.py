"""Identification numbers and plates: one form, and the check digit where the region has one."""

import pytest

from vehicles.errors import InvalidPlate, InvalidVin
from vehicles.vins import canonical_plate, canonical_vin, check_digit

# The first is the worked example of 49 CFR 565 in wide use, the second has its check digit X.
NORTH_AMERICAN = ["11111111111111111", "1M8GDM9AXKP042788", "5GZCZ43D13S812715"]
ELSEWHERE = ["WVWZZZE1ZP0000001", "VF1AAAAA123456789", "LRWYGCEK1PC000001", "7A8AAAAA1AA000001"]


@pytest.mark.parametrize("vin", NORTH_AMERICAN + ELSEWHERE)
def test_a_valid_number_is_taken_as_it_is(vin):
    assert canonical_vin(vin) == vin


def test_case_spaces_and_hyphens_do_not_matter():
    assert canonical_vin("1m8-gdm9a xkp042788") == "1M8GDM9AXKP042788"


@pytest.mark.parametrize("digit", "0123456789")
def test_every_other_check_digit_is_refused_in_north_america(digit):
    with pytest.raises(InvalidVin) as refused:
        canonical_vin(f"1M8GDM9A{digit}KP042788")
    assert refused.value.extra == {"reason": "check_digit"}


def test_every_single_wrong_digit_of_the_serial_number_is_found():
    vin = "1M8GDM9AXKP042788"
    for at in range(11, 17):
        for other in set("0123456789") - {vin[at]}:
            with pytest.raises(InvalidVin):
                canonical_vin(vin[:at] + other + vin[at + 1 :])


def test_american_numbers_that_begin_with_7_are_checked_too():
    body = "7SAYGDEE{}PA000001"
    right = check_digit(body.format("0"))
    assert canonical_vin(body.format(right))
    wrong = "1" if right != "1" else "2"
    with pytest.raises(InvalidVin):
        canonical_vin(body.format(wrong))


@pytest.mark.parametrize(
    "vin",
    [
        "",
        "WVWZZZE1ZP000001",
        "WVWZZZE1ZP00000011",
        "WVWZZZE1ZPI000001",
        "WVWZZZE1ZPO000001",
        "WVWZZZE1ZPQ000001",
        "WVWZZZE1ZPÄ000001",
        "WVWZZZE1ZP٠٠٠٠٠٠٠",
        "WVWZZZE1ZP00000.1",
    ],
)
def test_what_iso_3779_does_not_allow_is_refused(vin):
    with pytest.raises(InvalidVin) as refused:
        canonical_vin(vin)
    assert refused.value.extra == {"reason": "form"}


@pytest.mark.parametrize(
    ("written", "plate"),
    [("abc-12 34", "ABC1234"), ("B·MW 1.2", "BMW12"), ("", ""), ("Ж123ÄÖ", "Ж123ÄÖ")],
)
def test_a_plate_is_its_letters_and_digits(written, plate):
    assert canonical_plate(written) == plate


@pytest.mark.parametrize("plate", ["A" * 17, "AB#1", "<script>"])
def test_what_is_no_plate_is_refused(plate):
    with pytest.raises(InvalidPlate):
        canonical_plate(plate)
