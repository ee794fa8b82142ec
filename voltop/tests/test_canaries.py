"""Every text of provider B's can be recognised where it does not belong, and every secret."""

import pytest

from voltop.tests import canaries

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
    holder = account.holder_tax_id.encode()
    assert shown("a", holder, world.other_driver.pk) == set()
    assert shown("a", holder, world.driver.pk) == {"drivers.PayoutAccount.holder_tax_id"}
    private = {name for name, _whose in world.canaries.private.values()}
    assert {"drivers.Driver.national_id", "chat.InternalNote.body"} <= private
