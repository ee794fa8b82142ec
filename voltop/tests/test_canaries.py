"""Every text of provider B's can be recognised where it does not belong, and every secret."""

import pytest
from django.test import Client
from django.urls import reverse

from voltop.tests import canaries
from voltop.tests.world import HTTP, PEOPLE_OF_A

pytestmark = pytest.mark.django_db

WITHOUT_ROWS = {
    "fleets.ApiAccessToken": "B's clients fetch none",
    "telemetry.QuarantinedSample": "B's trackers send nothing unknown",
    "telemetry.TelemetryImport": "B uploads no file",
}
"""Models of which provider B has no row, with the reason."""


def test_every_text_of_every_model_carries_a_canary(world):
    filled, empty = world.canaries.filled(), []
    for model in canaries.owned_models():
        fields = filter(canaries.is_text, model._meta.concrete_fields)
        names = {canaries.name_of(field) for field in fields if not canaries.is_secret(field)}
        rows = canaries.rows_of(model, world.b)
        assert not (rows and model._meta.label in WITHOUT_ROWS), f"{model._meta.label} has rows now"
        if model._meta.label not in WITHOUT_ROWS:
            empty += sorted(names - filled)
    assert empty == [], "fill them in the app's tests/world.py, or say in canaries.KEPT why not"


def test_a_leak_is_told_by_its_field(world):
    shown = world.canaries.shown
    depot, vehicle = world.objects["depot"].foreign, world.objects["vehicle"].own
    depot.refresh_from_db()
    assert shown("a", f'{{"name": "{depot.name}"}}'.encode()) == {"fleets.Depot.name"}
    assert shown("b", depot.name.encode()) == set()
    assert shown("b", f"Location: /{vehicle.vin}".encode()) == {"vehicles.Vehicle.vin"}
    assert shown("suspended", f"{vehicle.vin} {depot.name}".encode()) == {
        "fleets.Depot.name",
        "vehicles.Vehicle.vin",
    }


def test_what_is_secret_is_recognised_for_everybody(world):
    shown = world.canaries.shown
    password = world.owner.password
    for provider in ("a", "b", "suspended", None):
        assert shown(provider, password.encode()) == {"fleets.User.password"}
    assert {"fleets.WebhookEndpoint.secret", "drivers.PayoutAccount.details"} <= set(
        world.canaries.secrets.values()
    )


def test_no_driver_sees_what_is_private_of_another(world):
    shown, account = world.canaries.shown, world.objects["payout_account"].peer
    account.refresh_from_db()
    holder = account.holder_name.encode()
    assert shown("a", holder, world.other_driver.pk) == set()
    assert shown("a", holder, world.driver.pk) == {"drivers.PayoutAccount.holder_name"}
    private = {name for name, _whose in world.canaries.private.values()}
    assert {"drivers.Driver.national_id", "chat.InternalNote.body"} <= private


def test_of_all_that_is_personal_is_said_which_staff_sees_it(world):
    private = {name for name, _whose in world.canaries.private.values()}
    assert sorted(private) == sorted(canaries.SEEN_BY)
    shown, account = world.canaries.shown, world.objects["payout_account"].own
    account.refresh_from_db()
    content = f"{account.holder_tax_mask} {world.driver.pk}".encode()
    assert shown("a", content, role="accountant") == set()
    assert shown("a", content, role="manager") == {"drivers.PayoutAccount.holder_tax_mask"}


PAGES = {
    "drivers.driver": "/api/v1/drivers/{}",
    "drivers.engagement": "/api/v1/engagements/{}",
    "drivers.payoutaccount": "/api/v1/payout-accounts/{}",
}


@pytest.mark.parametrize("role", PEOPLE_OF_A)
def test_whoever_may_see_it_finds_it_in_the_api_and_in_the_admin(role, world):
    """That nobody else does is looked at in every answer of both matrices."""
    browser, found = Client(), {"api": b"", "admin": b""}
    browser.force_login(world.callers[role].user)
    for label, address in PAGES.items():
        row = world.objects[KINDS[label]].own
        answer = HTTP.get(address.format(row.pk), headers=world.callers[role].headers)
        found["api"] += answer.content
        page = f"admin:{label.replace('.', '_')}_change"
        found["admin"] += browser.get(reverse(page, args=(row.pk,))).content
    wanted = {
        name
        for name, roles in canaries.SEEN_BY.items()
        if role in roles.split() and name.lower().rpartition(".")[0] in PAGES
    }
    for where, content in found.items():
        words = canaries.words(content.decode()) & world.canaries.private.keys()
        names = {world.canaries.private[word][0] for word in words}
        missing = wanted - names - NOT_SHOWN[where]
        assert (where, sorted(missing)) == (where, [])


KINDS = {
    "drivers.driver": "driver",
    "drivers.engagement": "engagement",
    "drivers.payoutaccount": "payout_account",
}
NOT_SHOWN = {"api": set(), "admin": {"drivers.Driver.birth_date"}}
"""What is told in another form there: a date that is only read, as words."""
