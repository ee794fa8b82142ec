"""The command that brings a company into Voltop, and the demo's that uses it."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from fleets.models import FleetProvider, Membership, User

GOOD = {"country": "MX", "currency": "MXN", "time_zone": "America/Mexico_City"}


def create(monkeypatch, name="Alba", **values):
    monkeypatch.setenv("SEED", "a long enough word")
    options = GOOD | {
        "member": ["owner:Ana@alba.example:Ana Alba", "viewer:vera@alba.example"],
        "password_env": "SEED",
    }
    return call_command("create_provider", name, stdout=StringIO(), **(options | values))


def test_a_company_begins_active_with_its_people(db, monkeypatch, api):
    provider = FleetProvider.objects.get(pk=int(create(monkeypatch)))
    assert (provider.status, provider.policy.payout_rails) == ("active", ["spei"])
    roles = {m.user.email: m.role for m in Membership.objects.filter(provider=provider)}
    assert roles == {"ana@alba.example": "owner", "vera@alba.example": "viewer"}
    ana = User.objects.get(email="ana@alba.example")
    assert ana.check_password("a long enough word")
    assert ana.full_name == "Ana Alba"


def test_a_second_time_is_refused_or_leaves_everything_as_it_is(db, monkeypatch):
    first = create(monkeypatch)
    with pytest.raises(CommandError, match="there already"):
        create(monkeypatch)
    assert create(monkeypatch, if_missing=True) == first
    assert FleetProvider.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"currency": "XXX"}, "currency"),
        ({"member": ["king:a@b.example:A"]}, "ROLE:EMAIL:NAME"),
        ({"member": ["owner:nobody"]}, "ROLE:EMAIL:NAME"),
        ({"password_env": "NOT_THERE"}, "NOT_THERE"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(db, monkeypatch, values, message):
    with pytest.raises(CommandError, match=message):
        create(monkeypatch, **values)
    assert not FleetProvider.objects.exists()


def test_seeding_without_a_database_is_told_in_words(settings, monkeypatch):
    settings.DEMO = True

    def nobody_answers():
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "ensure_connection", nobody_answers)
    with pytest.raises(CommandError, match="make run"):
        call_command("seed", stdout=StringIO())


def test_the_demos_log_ins_exist_only_in_a_demo(db, settings):
    settings.DEMO = False
    with pytest.raises(CommandError, match="VOLTOP_DEMO"):
        call_command("seed", stdout=StringIO())
    settings.DEMO = True
    told = call_command("seed", stdout=StringIO())
    assert "owner@alba.example" in told
    assert call_command("seed", stdout=StringIO()) == told
    assert FleetProvider.objects.count() == 3
    assert User.objects.get(email="platform@voltop.example").is_superuser
