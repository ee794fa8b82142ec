"""Providers: made with their country's rules, moved, limited, closed only when nothing is left."""

from decimal import Decimal

import pytest

from fleets import services
from fleets.errors import (
    InvalidTaxId,
    PolicyOutOfRange,
    ProviderBlocked,
    ProviderNotActive,
    UnknownCountry,
    UnknownLanguage,
)
from fleets.models import AuditEntry, FleetPolicy, FleetProvider
from voltop import clock, money
from voltop.context import Actor
from voltop.errors import IllegalMove, NotFound, ReasonRequired

PLATFORM = Actor.system("tests")
GOOD = {"name": "Alba", "country": "MX", "currency": "MXN", "time_zone": "America/Mexico_City"}


def make(**values) -> FleetProvider:
    return services.create_provider(actor=PLATFORM, **(GOOD | values))


@pytest.mark.parametrize(
    ("country", "rest_h", "cap_pct", "rails"),
    [
        ("MX", "10", 30, ["spei"]),
        ("BR", "11", 70, ["pix"]),
        ("DE", "11", 30, ["sepa"]),
        ("US", "8", 25, ["ach"]),
        ("AR", "8", 50, ["csv"]),
    ],
)
def test_a_new_provider_starts_with_its_countrys_rules(db, country, rest_h, cap_pct, rails):
    policy = make(country=country).policy
    assert policy.min_rest_h == Decimal(rest_h)
    assert policy.deduction_cap_pct == cap_pct
    assert policy.payout_rails == rails


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"country": "XX"}, UnknownCountry),
        ({"country": "mx"}, UnknownCountry),
        ({"currency": "XXX"}, money.UnknownCurrency),
        ({"time_zone": "Mars/Base"}, clock.UnknownTimezone),
        ({"language": "tlh"}, UnknownLanguage),
        ({"tax_id": "NOPE"}, InvalidTaxId),
    ],
)
def test_a_provider_with_a_wrong_fact_is_refused(db, values, error):
    with pytest.raises(error):
        make(**values)
    assert not FleetProvider.objects.exists()


def test_a_tax_number_is_kept_in_its_compact_form(db):
    assert make(tax_id="GODE 561231 GR8").tax_id == "GODE561231GR8"


MOVES = {
    "activate": lambda p: services.activate_provider(p, actor=PLATFORM),
    "suspend": lambda p: services.suspend_provider(p, actor=PLATFORM, reason="unpaid"),
    "close": lambda p: services.close_provider(p, actor=PLATFORM, reason="gone"),
}
TABLE = {
    "onboarding": {"activate": "active", "close": "closed"},
    "active": {"suspend": "suspended"},
    "suspended": {"activate": "active", "close": "closed"},
    "closed": {},
}
PATHS = {
    "onboarding": [],
    "active": ["activate"],
    "suspended": ["activate", "suspend"],
    "closed": ["close"],
}


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("move", MOVES)
def test_a_provider_moves_as_the_table_says(db, state, move):
    provider = make()
    for step in PATHS[state]:
        provider = MOVES[step](provider)
    assert provider.status == state
    expected = TABLE[state].get(move)
    if expected is None:
        with pytest.raises(IllegalMove):
            MOVES[move](provider)
    else:
        assert MOVES[move](provider).status == expected
    provider.refresh_from_db()
    assert provider.status == (expected or state)
    assert provider.events.last().to_state == (expected or state)


def test_suspending_and_closing_need_a_reason(db):
    provider = make()
    with pytest.raises(ReasonRequired):
        services.close_provider(provider, actor=PLATFORM, reason=" ")
    provider = services.activate_provider(provider, actor=PLATFORM)
    with pytest.raises(ReasonRequired):
        services.suspend_provider(provider, actor=PLATFORM, reason="")


def test_closing_names_everything_that_stands_in_the_way_and_changes_nothing(cast):
    assert cast.driver.provider == cast.a
    provider = services.suspend_provider(cast.a, actor=PLATFORM, reason="unpaid")
    with pytest.raises(ProviderBlocked) as refused:
        services.close_provider(provider, actor=PLATFORM, reason="gone")
    assert {"code": "drivers_employed", "count": 1} in refused.value.extra["blockers"]
    provider.refresh_from_db()
    assert provider.status == "suspended"


def test_nothing_new_starts_at_a_suspended_or_closed_provider(db):
    provider = services.activate_provider(make(), actor=PLATFORM)
    services.require_active(provider)
    provider = services.suspend_provider(provider, actor=PLATFORM, reason="unpaid")
    with pytest.raises(ProviderNotActive):
        services.require_active(provider)


def test_a_change_of_policy_is_audited_with_before_and_after(cast):
    policy = services.change_policy(
        cast.a,
        actor=cast.actor(),
        values={"shift_max_h": Decimal("10"), "four_eyes": True},
        reason="new contract",
    )
    assert policy.shift_max_h == Decimal("10")
    entry = AuditEntry.objects.get(action="policy.changed")
    assert entry.changes == {"shift_max_h": ["12.0", "10"]}
    assert (entry.provider, entry.reason) == (cast.a, "new contract")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("low_soc_pct", 101),
        ("reservation_grid_min", 0),
        ("face_check", "sometimes"),
        ("min_rest_h", Decimal("1000")),
        ("min_rest_h", Decimal("-0.1")),
        ("min_rest_h", Decimal("168.1")),
        ("shift_max_h", Decimal("0.4")),
        ("shift_max_h", Decimal("168.1")),
        ("telemetry_retention_days", 0),
        ("telemetry_retention_days", 36_526),
    ],
)
def test_a_policy_value_outside_its_bounds_is_refused_by_name(cast, name, value):
    with pytest.raises(PolicyOutOfRange) as refused:
        services.change_policy(cast.a, actor=cast.actor(), values={name: value})
    assert refused.value.field == name
    assert getattr(FleetPolicy.objects.get(provider=cast.a), name) != value


def test_another_providers_owner_changes_nothing(cast):
    with pytest.raises(NotFound):
        services.change_policy(cast.a, actor=cast.actor(cast.b), values={"shift_grace_min": 1})
    with pytest.raises(NotFound):
        services.update_provider(cast.a, actor=cast.actor(cast.b), name="Mallory")


def test_a_provider_changes_its_name_but_not_its_currency(cast):
    assert services.update_provider(cast.a, actor=cast.actor(), name="Alba").name == "Alba"
    with pytest.raises(TypeError):
        services.update_provider(cast.a, actor=cast.actor(), currency="USD")


def test_a_policy_is_read_and_changed_by_its_address_unless_somebody_was_faster(cast, api):
    owner = api(cast.owner)
    [shown] = owner.get("/api/v1/policies").json()["results"]
    address = f"/api/v1/policies/{shown['id']}"
    etag = owner.get(address)["ETag"]
    changes = {"shift_grace_min": shown["shift_grace_min"] + 5}

    answer = owner.patch(address, changes, format="json", HTTP_IF_MATCH=etag)
    assert answer.status_code == 200
    assert answer["ETag"] != etag
    assert owner.get(address).json()["shift_grace_min"] == changes["shift_grace_min"]

    late = owner.patch(address, {"shift_grace_min": 0}, format="json", HTTP_IF_MATCH=etag)
    assert (late.status_code, late.json()["code"]) == (412, "stale_version")
    assert owner.get(address).json()["shift_grace_min"] == changes["shift_grace_min"]
