"""Suspension is one switch: every operation and every page of the admin, for a whole company.

The company of the access matrix is suspended with all that it owns and everybody in it. What is
left stands in `suspended.yaml`, kept by hand; everything else is refused, and has touched no row.
"""

import pytest
from django.contrib import admin
from django.test import RequestFactory

from fleets import services
from fleets.models import User
from voltop.tests import access
from voltop.tests.judging import LISTED, OPERATIONS, TOUCHED_BY_DENIALS, call
from voltop.tests.test_admin_matrix import MODELS
from voltop.tests.world import PEOPLE_OF_A

pytestmark = pytest.mark.django_db

CALLERS = (*PEOPLE_OF_A, "driver", "client", "source")
BEGUN = {"provider_not_active", "start_refused", "idempotency_key_reused"}
FEW = ("owner", "driver", "client", "source")


@pytest.fixture
def closed(world):
    """Provider A, suspended for this test alone."""
    services.suspend_provider(world.a, actor=world.platform, reason="unpaid")
    world.attempts.clear()
    yield world
    world.attempts.clear()


def test_the_table_names_operations_that_there_are():
    told = access.while_suspended()
    assert told["writes"] | told["hidden"] | told["refused"] <= OPERATIONS.keys()
    assert all(OPERATIONS[name].method != "GET" for name in told["writes"])
    assert all(OPERATIONS[name].method == "GET" for name in told["hidden"])
    assert told["refused"] <= told["writes"]


@pytest.mark.sample
@pytest.mark.parametrize("operation_id", LISTED[::12])
def test_some_operations_of_a_suspended_company(operation_id, closed):
    judge_operation(operation_id, closed, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("operation_id", LISTED)
def test_every_operation_of_a_suspended_company(operation_id, closed):
    judge_operation(operation_id, closed, CALLERS)


def judge_operation(operation_id, world, names):
    operation, row = OPERATIONS[operation_id], access.rows()[operation_id]
    wrong = []
    for name in names:
        if name not in world.callers or row.allow.get(name, (403, 403))[0] in (401, 403):
            continue
        answer, touched = call(operation, row, world.callers[name], "own", world)
        for table in TOUCHED_BY_DENIALS:
            touched.pop(table, None)
        place = f"{name}: {answer.status_code} {answer.content[:200]}"
        if access.closed_while_suspended(operation_id, operation.method):
            if answer.status_code != 403 or touched:
                wrong.append(f"{place}, not 403; touched {dict(touched)}")
        elif operation_id in access.while_suspended()["refused"]:
            repeated = answer.status_code == 200 and not touched  # what runs is given again
            refused = answer.status_code == 409 and answer.json()["code"] in BEGUN
            if not (refused or repeated):
                wrong.append(f"{place}, and it begins something")
        elif answer.status_code in (401, 403) or answer.status_code >= 500:
            wrong.append(f"{place}, and it should be left")
    assert not wrong, "\n".join(wrong)


# --- The admin -----------------------------------------------------------------------------------
@pytest.mark.parametrize("role", PEOPLE_OF_A)
def test_the_admin_of_a_suspended_company_offers_what_is_left(role, world):
    """The pages ask Django's own permissions: nothing is added but what pays, nothing is hidden
    from view but telemetry."""
    found = {}
    for suspended in (False, True):
        request = RequestFactory().get("/admin/")
        user = User.objects.get(pk=world.callers[role].user.pk)
        user.use_provider(world.a.pk, frozenset({role}), suspended=suspended)
        request.user = user
        pages = {
            (label, what)
            for label in MODELS
            for what in ("view", "add", "change")
            if getattr(admin.site._registry[MODELS[label]], f"has_{what}_permission")(request)
        }
        found[suspended] = pages
    assert found[True] < found[False]
    gone = found[False] - found[True]
    hidden = {label for label, what in gone if what == "view"}
    assert hidden <= access.while_suspended()["hidden_pages"]
    left = {label for label, what in found[True] if what == "add"}
    assert {label.partition(".")[0] for label in left} <= {"chat", "payments", "shifts", "drivers"}


def test_a_company_that_is_active_again_has_everything_back(closed):
    operation, row = OPERATIONS["depots_create"], access.rows()["depots_create"]
    owner = closed.callers["owner"]
    assert call(operation, row, owner, "own", closed)[0].status_code == 403
    services.activate_provider(closed.a, actor=closed.platform)
    assert call(operation, row, owner, "own", closed)[0].status_code == 201


def test_platform_staff_still_act_for_a_suspended_company(closed):
    operation, row = (
        OPERATIONS["providers_partial_update"],
        access.rows()["providers_partial_update"],
    )
    assert call(operation, row, closed.callers["superuser"], "own", closed)[0].status_code == 200
