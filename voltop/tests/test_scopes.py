"""Each scope of an API client by itself: it opens what `scopes.yaml` says, and nothing else."""

from functools import cache
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from fleets.scopes import all_scopes
from fleets.services import api_clients
from voltop.tests import access
from voltop.tests.judging import OPERATIONS, call, judge, some
from voltop.tests.world import FORM, HTTP, Caller, World

pytestmark = pytest.mark.django_db

EVERY_CLIENT = {"jobs"}
"""Asked for by id, and answered to whoever has asked for the work."""

OPENED_TRIED, CLOSED_TRIED = 2, 3
"""How many operations each scope tries in the short run, of those it opens and of the others."""


@cache
def table() -> dict[str, Any]:
    path = access.ROOT / "voltop" / "tests" / "scopes.yaml"
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def for_clients() -> set[str]:
    return {name for name, row in access.rows().items() if "client" in row.allow}


def test_the_table_has_every_scope_and_every_operation_of_clients_once():
    opens = table()["opens"]
    assert sorted(opens) == sorted(all_scopes())
    named = [name for names in opens.values() for name in names]
    assert sorted(named) == sorted(for_clients() - EVERY_CLIENT)
    assert set(table()["needs"]) <= set(named)


@pytest.fixture(scope="module")
def holders(built_world: World) -> dict[str, Caller]:
    """By scope, an API client of A that holds just that one."""
    return {scope: holder(built_world, scope) for scope in all_scopes()}


def holder(world: World, scope: str) -> Caller:
    client, secret = api_clients.create_client(
        world.a, actor=world.actor(), name=scope, wanted=[scope]
    )
    form = {"grant_type": "client_credentials", "client_id": client.client_id}
    answer = HTTP.post(
        "/api/v1/oauth/token",
        urlencode(form | {"client_secret": secret}),
        content_type=FORM,
        REMOTE_ADDR="198.51.100.7",
    )
    assert answer.json()["scope"] == scope
    return Caller(scope, {"Authorization": f"Bearer {answer.json()['access_token']}"})


def wrong(scope: str, operations: set[str], world: World, caller: Caller) -> list[str]:
    found = []
    for name in sorted(operations):
        row = access.rows()[name]
        expected = row.others or 403
        if name in table()["opens"][scope]:
            expected = table()["needs"].get(name, row.allow["client"][0])
        answer, touched = call(OPERATIONS[name], row, caller, "own", world)
        found += judge(name, world, caller, expected, answer, touched)
    return found


@pytest.mark.parametrize("scope", sorted(all_scopes()))
def test_a_scope_opens_what_the_table_says(scope, world, holders):
    opened = set(table()["opens"][scope])
    closed = for_clients() - EVERY_CLIENT - opened
    tried = some(scope, opened, OPENED_TRIED) | some(scope, closed, CLOSED_TRIED)
    assert wrong(scope, tried, world, holders[scope]) == []


@pytest.mark.slow
@pytest.mark.parametrize("scope", sorted(all_scopes()))
def test_a_scope_opens_all_that_the_table_says_and_nothing_else(scope, world, holders):
    everything = set(OPERATIONS) & access.rows().keys()
    public = {name for name in everything if "everyone" in access.rows()[name].allow}
    assert wrong(scope, everything - public - EVERY_CLIENT, world, holders[scope]) == []
