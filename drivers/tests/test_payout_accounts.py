"""Payout accounts: checked, encrypted, masked, held after a change."""

import json
from datetime import timedelta

import pytest
from django.db import connection

from drivers import accounts, services
from drivers.errors import InvalidPayoutAccount, PayoutAccountUnchanged
from drivers.models import PayoutAccount
from drivers.signals import payout_account_changed
from fleets import audit
from fleets.models import AuditEntry, Notice
from voltop import clock, crypto
from voltop.errors import NotFound

CLABE = {"clabe": "002010077777777771"}  # the example of Mexican banks' own documentation
IBAN = {"iban": "DE89 3704 0044 0532 0130 00"}  # ISO 13616 registry's example


def put(cast, kind="clabe", details=CLABE, driver=None, **values):
    return services.set_payout_account(
        driver or cast.driver,
        actor=cast.actor(),
        kind=kind,
        details=details,
        **({"holder_name": "Dora Driver"} | values),
    )


@pytest.mark.parametrize(
    ("kind", "details", "expected"),
    [
        ("clabe", CLABE, {"clabe": "002010077777777771"}),
        ("clabe", {"clabe": "032 180 00011835971 9"}, {"clabe": "032180000118359719"}),
        ("iban", IBAN, {"iban": "DE89370400440532013000"}),
        ("pix", {"key_kind": "cpf", "key": "390.533.447-05"}, {"key": "39053344705"}),
        ("pix", {"key_kind": "email", "key": "Ana@X.example"}, {"key": "ana@x.example"}),
        ("pix", {"key_kind": "phone", "key": "+55 11 91234-5678"}, {"key": "+5511912345678"}),
        (
            "pix",
            {"key_kind": "evp", "key": "123E4567-E12B-12D1-A456-426655440000"},
            {"key": "123e4567-e12b-12d1-a456-426655440000"},
        ),
        ("pix", {"key_kind": "cnpj", "key": "16.727.230/0001-97"}, {"key": "16727230000197"}),
        ("us", {"routing": "111000025", "account": "123 4567"}, {"account": "1234567"}),
        (
            "branch",
            {"bank": "001", "branch": "1234-5", "account": "12345-x"},
            {"account": "12345-X"},
        ),
    ],
)
def test_a_valid_account_is_brought_into_one_form(kind, details, expected):
    assert accounts.canonical(kind, details).items() >= expected.items()


@pytest.mark.parametrize(
    ("kind", "details", "reason"),
    [
        ("clabe", {"clabe": "002010077777777772"}, "check_digit"),
        ("clabe", {"clabe": "00201007777777777"}, "length"),
        ("clabe", {"clabe": "00201007777777777X"}, "format"),
        ("clabe", {"clabe": "٠٠٢٠١٠٠٧٧٧٧٧٧٧٧٧٧١"}, "format"),
        ("iban", {"iban": "DE89370400440532013001"}, "check_digit"),
        ("iban", {"iban": "DE8937040044053201300"}, "check_digit"),
        ("pix", {"key_kind": "cpf", "key": "39053344706"}, "check_digit"),
        ("pix", {"key_kind": "phone", "key": "+525512345678"}, "country"),
        ("pix", {"key_kind": "evp", "key": "nope"}, "format"),
        ("pix", {"key_kind": "email", "key": "nope"}, "format"),
        ("pix", {"key_kind": "fax", "key": "1"}, "unknown"),
        ("us", {"routing": "111000026", "account": "1234567"}, "check_digit"),
        ("us", {"routing": "111000025", "account": "12"}, "format"),
        ("branch", {"bank": "1", "branch": "1", "account": "123"}, "format"),
        ("iban", {"clabe": "1"}, "fields"),
        ("iban", {"iban": "x", "extra": "1"}, "fields"),
    ],
)
def test_an_invalid_account_is_refused_and_says_why(kind, details, reason):
    with pytest.raises(InvalidPayoutAccount) as refused:
        accounts.canonical(kind, details)
    assert refused.value.extra["reason"] == reason


def test_every_single_wrong_digit_of_a_clabe_is_found():
    digits = CLABE["clabe"]
    for at, digit in enumerate(digits):
        for other in set("0123456789") - {digit}:
            with pytest.raises(InvalidPayoutAccount):
                accounts.canonical("clabe", {"clabe": digits[:at] + other + digits[at + 1 :]})


def test_the_number_is_encrypted_in_the_database_and_only_its_mask_is_shown(cast):
    account = put(cast)
    assert account.mask == "CLABE •••• 7771"
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(a)::text FROM drivers_payoutaccount a")
        row = cursor.fetchone()[0]
    assert "00201007777777" not in row
    assert CLABE["clabe"].encode().hex() not in row
    assert services.account_details(account, actor=cast.actor()) == CLABE


def test_another_provider_cannot_read_the_number(cast):
    account = put(cast)
    with pytest.raises(NotFound):
        services.account_details(account, actor=cast.actor(cast.b))


def test_swapped_ciphertexts_of_two_drivers_do_not_decrypt(cast):
    first, second = put(cast), put(cast, "iban", IBAN, cast.other_driver)
    PayoutAccount.objects.filter(pk=second.pk).update(details=bytes(first.details))
    second.refresh_from_db()
    with pytest.raises(crypto.DecryptFailed):
        services.account_details(second, actor=cast.actor())


def test_the_first_account_is_payable_at_once_and_a_change_is_held_for_a_day(cast):
    at = clock.now()
    first = put(cast, at=at)
    assert first.hold_until is None
    payable = PayoutAccount.objects.for_provider(cast.a.pk).payable
    assert list(payable(at)) == [first]
    second = put(cast, "iban", IBAN, at=at)
    first.refresh_from_db()
    assert first.retired_at == at
    assert second.hold_until == at + timedelta(hours=24)
    assert list(payable(at + timedelta(hours=23, minutes=59))) == []
    assert list(payable(at + timedelta(hours=24))) == [second]


def test_the_same_account_again_changes_nothing_but_a_new_holder_does(cast):
    put(cast)
    with pytest.raises(PayoutAccountUnchanged):
        put(cast, details={"clabe": "0020 1007 7777 7777 71"})
    assert put(cast, holder_name="Dora D. Driver").hold_until is not None
    assert PayoutAccount.objects.current().count() == 1


def test_the_same_account_at_two_drivers_has_one_fingerprint(cast):
    first, second = put(cast), put(cast, driver=cast.other_driver)
    assert bytes(first.fingerprint) == bytes(second.fingerprint)
    assert json.dumps(CLABE).encode() not in bytes(first.fingerprint)


def test_a_change_is_told_with_whether_it_was_the_first(cast):
    heard = []

    def listen(sender, account, first, **kwargs):
        heard.append((account.mask, first))

    payout_account_changed.connect(listen)
    try:
        put(cast)
        put(cast, "iban", IBAN)
    finally:
        payout_account_changed.disconnect(listen)
    assert heard == [("CLABE •••• 7771", True), ("DE •••• 3000", False)]


def test_the_driver_is_told_of_every_change_but_the_first(cast):
    put(cast)
    assert not Notice.objects.exists()
    changed = put(cast, "iban", IBAN)
    notice = Notice.objects.get(user=cast.driver.user)
    assert (notice.kind, notice.provider) == ("drivers.payout_account_changed", cast.a)
    assert notice.params == {"mask": changed.mask, "hold_until": changed.hold_until.isoformat()}


@pytest.mark.parametrize(
    ("kind", "key", "shown"),
    [
        ("pix", "maria.silva@correio.example", "PIX m••••@correio.example"),
        ("pix", "+5511987654321", "PIX •••• 4321"),
    ],
)
def test_a_mask_tells_accounts_apart_and_hides_the_rest(kind, key, shown):
    assert accounts.mask(kind, {"key": key}) == shown


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("iban", {"iban": "DE٨٩370400440532013000"}),  # Arabic digits, the check sum is right
        ("pix", {"key_kind": "cpf", "key": "111.111.111-11"}),  # belongs to nobody
    ],
)
def test_a_number_that_no_bank_knows_is_refused_though_its_check_digits_are_right(kind, details):
    with pytest.raises(InvalidPayoutAccount):
        accounts.canonical(kind, details)


def test_one_branch_account_written_in_two_ways_is_one(cast):
    written = {"bank": "001", "branch": "1234-5", "account": "0012345-X"}
    other = {"bank": "001", "branch": "12345", "account": "12345x"}
    first = put(cast, "branch", written)
    second = put(cast, "branch", other, cast.other_driver)
    assert bytes(first.fingerprint) == bytes(second.fingerprint)
    with pytest.raises(PayoutAccountUnchanged):
        put(cast, "branch", other)


def test_a_changed_holder_is_audited_and_not_quoted(cast):
    put(cast, holder_tax_id="GODE561231GR8")
    changed = put(cast, holder_name="Mallory", holder_tax_id="GODE561231GR8")
    entry = AuditEntry.objects.get(action="payout_account.set", object_id=changed.pk)
    assert audit.shown(entry) == {"holder_name": ["•", "•"]}
    assert "Mallory" not in json.dumps(entry.changes)
    assert audit.reveal(entry, actor=cast.actor()) == {"holder_name": ["Dora Driver", "Mallory"]}


def test_somebody_who_has_left_gets_an_account_for_what_came_back(cast, api):
    driver = cast.driver
    for move in (services.leave_driver, services.terminate_driver):
        driver = move(driver, actor=cast.actor(), reason="moves away")
    body = {"driver": driver.pk, "kind": "clabe", "details": CLABE, "holder_name": "Dora Driver"}
    answer = api(cast.accountant).post("/api/v1/payout-accounts", body, format="json")
    assert answer.status_code == 201, answer.json()
