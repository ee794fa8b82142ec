"""Many rows in one request: good ones land, bad ones are named, limits hold, few queries."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from drivers.models import Driver, DriverEvent, PayoutAccount
from fleets.models import FleetProvider

BULK = "/api/v1/drivers/bulk"


def row(n, **values):
    return {"given_name": f"N{n}", "family_name": "Bulk", "email": f"n{n}@x.example"} | values


def post(client, path, rows, **headers):
    answer = client.post(f"/api/v1/{path}", {"rows": rows}, format="json", **headers)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def test_a_bad_row_does_not_hold_the_good_ones(cast, api):
    rows = [
        row(1),
        row(2, colour="red"),
        row(3, email="n1@x.example"),  # the person of the first row
        row(4, depot=10**9),
        "not a row",
        row(5, employee_number="7"),
        row(6, employee_number="7"),
    ]
    found = post(api(cast.dispatcher), "drivers/bulk", rows)
    assert [(r["ok"], r["outcome"], r["code"]) for r in found["results"]] == [
        (True, "created", ""),
        (False, "refused", "unknown_field"),
        (False, "refused", "driver_exists"),
        (False, "refused", "object_not_found"),
        (False, "refused", "object_expected"),
        (True, "created", ""),
        (False, "refused", "employee_number_taken"),
    ]
    assert (found["created"], found["refused"]) == (2, 5)
    assert found["results"][1]["errors"][0]["field"] == "colour"
    made = {r["id"] for r in found["results"] if r["ok"]}
    assert made == set(Driver.objects.values_list("pk", flat=True))


def test_lenient_rows_lose_what_is_unknown_and_the_answer_says_where(cast, api):
    rows = [row(1), row(2, colour="red", ref={"system": "erp", "id": "2", "was": 1})]
    found = post(api(cast.manager), "drivers/bulk", rows, HTTP_PREFER="handling=lenient")
    assert found["created"] == 2
    places = [warning["field"] for warning in found["warnings"]]
    assert sorted(places) == ["rows.1.colour", "rows.1.ref.was"]
    strict = post(api(cast.manager), "drivers/bulk", rows)
    assert strict["refused"] == 2


def test_rows_with_a_ref_are_put_by_it(cast, api):
    client = api(cast.dispatcher)
    rows = [row(n, ref={"system": "erp", "id": str(n)}) for n in range(3)]
    first = post(client, "drivers/bulk", rows)
    second = post(client, "drivers/bulk", [*rows, row(9, ref={"system": "ERP", "id": "9"})])
    assert (first["created"], second["created"], second["updated"]) == (3, 0, 3)
    assert [r["id"] for r in first["results"]] == [r["id"] for r in second["results"][:3]]
    refused = second["results"][3]
    assert (refused["code"], refused["errors"][0]["field"]) == ("invalid_ref", "ref.system")


def test_the_companys_limit_holds_row_by_row(cast, api):
    FleetProvider.objects.filter(pk=cast.a.pk).update(max_drivers=3)
    found = post(api(cast.manager), "drivers/bulk", [row(n) for n in range(5)])
    assert (found["created"], found["refused"]) == (3, 2)
    assert {r["code"] for r in found["results"][3:]} == {"limit_reached"}
    assert Driver.objects.count() == 3


def test_a_key_makes_it_happen_once(cast, api):
    client = api(cast.manager)
    answers = [
        post(client, "drivers/bulk", [row(1), row(1)], HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert Driver.objects.count() == 1


def test_more_than_a_thousand_rows_and_none_are_refused(cast, api):
    client = api(cast.manager)
    for rows in ([], [{}] * 1001):
        answer = client.post(BULK, {"rows": rows}, format="json")
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "rows"


def test_relations_are_fetched_once_for_all_rows(cast, api):
    depot, client = cast.depot(), api(cast.manager)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        post(client, "drivers/bulk", [row(n, depot=depot.pk) for n in range(10)])
    of_depots = [q for q in captured if '"fleets_depot"' in q["sql"] and "SELECT" in q["sql"]]
    assert len(of_depots) == 1
    # A row is five writes, a person in a savepoint and an invitation.
    assert len(captured) <= 10 + 10 * 27


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_who_may_not_invite_one_may_not_invite_many(cast, api, role):
    answer = api(cast.person(cast.a, role)).post(BULK, {"rows": [row(1)]}, format="json")
    assert answer.status_code == 403


def test_many_are_onboarded_and_activated_each_for_itself(cast, api):
    client = api(cast.dispatcher)
    made = post(client, "drivers/bulk", [row(1), row(2)])
    ids = [r["id"] for r in made["results"]]
    body = {"ids": [*ids, cast.foreign_driver.pk, ids[0]]}
    answer = client.post("/api/v1/drivers/bulk-onboard", body, format="json").json()
    assert (answer["done"], answer["refused"]) == (2, 2)
    assert [r["code"] for r in answer["results"]] == ["", "", "not_found", "illegal_move"]
    client.post("/api/v1/drivers/bulk-activate", {"ids": ids}, format="json")
    assert set(Driver.objects.filter(pk__in=ids).values_list("status", flat=True)) == {"active"}


def test_many_are_moved_by_key_whatever_their_order_in_the_request(cast, api):
    """Two requests that each hold all their locks to the end cannot wait in a circle."""
    client = api(cast.dispatcher)
    made = post(client, "drivers/bulk", [row(1), row(2), row(3)])
    first, second, third = (r["id"] for r in made["results"])
    body = {"ids": [third, first, second]}
    answer = client.post("/api/v1/drivers/bulk-onboard", body, format="json").json()
    assert [r["id"] for r in answer["results"]] == [third, first, second]
    assert [r["index"] for r in answer["results"]] == [0, 1, 2]
    moved = DriverEvent.objects.filter(to_state="onboarding").order_by("pk")
    assert [event.driver_id for event in moved] == [first, second, third]


def test_accounts_and_assignments_in_bulk(cast, api):
    accounts = [
        {
            "driver": driver.pk,
            "kind": "clabe",
            "details": {"clabe": number},
            "holder_name": "Holder",
        }
        for driver, number in (
            (cast.driver, "002010077777777771"),
            (cast.other_driver, "1" * 18),
            (cast.foreign_driver, "002010077777777771"),
        )
    ]
    found = post(api(cast.accountant), "payout-accounts/bulk", accounts)
    assert [r["code"] for r in found["results"]] == [
        "",
        "invalid_payout_account",
        "object_not_found",
    ]
    assert PayoutAccount.objects.get().driver == cast.driver
    pairs = [(cast.vehicle, cast.driver), (cast.vehicle, cast.other_driver)]
    rows = [{"vehicle": v.pk, "driver": d.pk, "kind": "permanent"} for v, d in pairs]
    given = post(api(cast.dispatcher), "assignments/bulk", rows)
    assert [r["code"] for r in given["results"]] == ["", "vehicle_assigned"]
