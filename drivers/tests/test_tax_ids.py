"""Tax ids of account holders: right by a country's rules, sealed, shown as a mask."""

import pytest

from drivers import services
from drivers.errors import PayoutAccountUnchanged
from drivers.models import PayoutAccount
from drivers.numbers import checked_tax_id, mask
from drivers.services.payout_accounts import holder_tax_id_of
from fleets.errors import InvalidTaxId
from fleets.models import AuditEntry
from voltop import crypto

CLABE = {"clabe": "002010077777777771"}
RFC = "GODE561231GR8"  # the example of the Mexican tax office's own rules


@pytest.mark.parametrize(
    ("country", "written", "kept"),
    [
        ("MX", "gode-561231-gr8", RFC),
        ("BR", "390.533.447-05", "39053344705"),
        ("BR", "16.727.230/0001-97", "16727230000197"),
        ("DE", "36 574 261 809", "36574261809"),
        ("US", "536-90-4399", "536904399"),
        ("ES", "54362315K", "54362315K"),
        ("PT", "501 964 843", "501964843"),
        ("IT", "RCC MNL 83S18 D969H", "RCCMNL83S18D969H"),
        ("NZ", " 49-091-850 ", "49-091-850"),
        ("MX", "  ", ""),
    ],
)
def test_a_tax_id_is_brought_into_the_form_of_its_country(country, written, kept):
    assert checked_tax_id(written, [country]) == kept


@pytest.mark.parametrize(
    ("country", "written"),
    [
        ("MX", "GODE561331GR8"),  # no such day
        ("BR", "390.533.447-06"),
        ("BR", "111.111.111-11"),
        ("DE", "36574261808"),
        ("US", "536-90-43"),
        ("DE", RFC),
        ("PT", "٥٠١٩٦٤٨٤٣"),
    ],
)
def test_a_tax_id_that_no_office_gave_is_refused(country, written):
    with pytest.raises(InvalidTaxId) as refused:
        checked_tax_id(written, [country])
    assert refused.value.field == "holder_tax_id"


def test_a_holder_at_home_may_have_an_account_abroad():
    assert checked_tax_id("36574261809", ["LT", "DE"]) == "36574261809"
    assert checked_tax_id("39053344705", ["MX", "BR"]) == "39053344705"


def test_a_mask_tells_little_of_a_short_number():
    assert [mask(number) for number in (RFC, "12-34", "")] == ["•••• GR8", "••••", ""]


def put(cast, **values) -> PayoutAccount:
    return services.set_payout_account(
        cast.driver,
        actor=cast.actor(),
        kind="clabe",
        details=CLABE,
        **{"holder_name": "Dora Driver", "holder_tax_id": RFC, **values},
    )


@pytest.mark.django_db
def test_a_tax_id_is_sealed_in_the_row_and_shown_to_nobody(cast, api, client):
    account = put(cast)
    assert RFC.encode() not in bytes(account.holder_tax_sealed)
    assert holder_tax_id_of(account, actor=cast.actor()) == RFC
    shown = api(cast.owner).get(f"/api/v1/payout-accounts/{account.pk}")
    assert shown.json()["holder_tax_mask"] == "•••• GR8"
    client.force_login(cast.owner)
    page = client.get(f"/admin/drivers/payoutaccount/{account.pk}/change/").content
    assert "•••• GR8" in page.decode()
    assert RFC.encode() not in shown.content + page
    assert RFC not in str(AuditEntry.objects.get(action="payout_account.set").changes)


@pytest.mark.django_db
def test_the_same_holder_written_otherwise_changes_nothing(cast):
    put(cast)
    with pytest.raises(PayoutAccountUnchanged):
        put(cast, holder_tax_id="gode 561231 gr8")
    with pytest.raises(InvalidTaxId):
        put(cast, holder_tax_id="GODE561331GR8")
    assert PayoutAccount.objects.count() == 1


@pytest.mark.django_db
def test_erasing_the_driver_voids_the_tax_id(cast):
    account = put(cast)
    crypto.destroy(f"drivers.driver:{cast.driver.pk}", cast.a.pk)
    with pytest.raises(crypto.KeyDestroyed):
        holder_tax_id_of(account, actor=cast.actor())
