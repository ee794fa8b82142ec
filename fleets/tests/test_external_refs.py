"""One's own keys: put once, found by them, never another company's."""

import pytest
from django.db import connections

from drivers.models import Driver
from fleets import services
from fleets.errors import InvalidRef, RefTaken
from fleets.models import AuditEntry, Depot, ExternalRef
from voltop.records import record_kinds
from voltop.tests.parallel import at_once

DEPOTS = "/api/v1/depots"
DRIVERS = "/api/v1/drivers"
NORA = {"given_name": "Nora", "family_name": "Nuñez", "email": "nora@x.example"}


def put(client, path, body, **headers):
    return client.put(f"/api/v1/{path}", body, format="json", **headers)


def test_the_first_put_creates_and_the_next_changes_the_same_record(cast, api):
    client = api(cast.manager)
    first = put(client, "drivers/by-ref/erp/D-17", NORA)
    assert first.status_code == 201, first.json()
    assert first.json()["refs"] == [{"system": "erp", "id": "D-17"}]
    again = put(client, "drivers/by-ref/erp/D-17", NORA)
    assert (again.status_code, again.json()) == (200, first.json())
    other = put(client, "drivers/by-ref/erp/D-17", NORA | {"family_name": "Nadal"})
    assert (other.status_code, other.json()["id"]) == (200, first.json()["id"])
    assert Driver.objects.get().family_name == "Nadal"


def test_what_only_a_new_one_takes_is_not_looked_at_again(cast, api):
    client = api(cast.manager)
    body = {
        "vin": "WVWZZZE1ZP0000001",
        "model": cast.vehicle_model.pk,
        "tenure_starts_at": "2026-01-01T00:00:00Z",
    }
    made = put(client, "vehicles/by-ref/erp/7", body)
    again = put(client, "vehicles/by-ref/erp/7", body | {"label": "Car 7"})
    assert (made.status_code, again.status_code) == (201, 200)
    assert (again.json()["id"], again.json()["label"]) == (made.json()["id"], "Car 7")


def test_a_body_is_as_strict_as_a_posts_whether_the_record_is_there_or_not(cast, api):
    client = api(cast.manager)
    for _ in range(2):
        bad = put(client, "depots/by-ref/erp/1", {"nam": "Centro"})
        assert bad.status_code == 400
        assert {e["code"] for e in bad.json()["errors"]} == {"unknown_field", "required"}
        put(client, "depots/by-ref/erp/1", {"name": "Centro"})


@pytest.mark.parametrize(
    ("system", "external_id"),
    [("ERP", "1"), ("a b", "1"), ("x" * 41, "1"), ("erp", "x" * 121), ("erp", "a%E2%80%AEb")],
)
def test_what_is_no_system_and_no_id_is_refused_by_name(cast, api, system, external_id):
    answer = put(api(cast.manager), f"depots/by-ref/{system}/{external_id}", {"name": "X"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_ref")
    assert not Depot.objects.exists()


def test_the_same_key_of_two_companies_names_two_records(cast, api):
    theirs = put(api(cast.outsider), "depots/by-ref/erp/1", {"name": "Mitte"})
    ours = put(api(cast.manager), "depots/by-ref/erp/1", {"name": "Centro"})
    assert (theirs.status_code, ours.status_code) == (201, 201)
    assert api(cast.viewer).get(f"{DEPOTS}/by-ref/erp/1").json()["name"] == "Centro"
    assert api(cast.viewer).get(f"{DEPOTS}/by-ref/erp/2").status_code == 404


def test_lists_show_refs_and_find_by_them_in_the_same_number_of_queries(
    cast, api, django_assert_num_queries
):
    client = api(cast.manager)
    for n in range(12):
        put(client, f"depots/by-ref/erp/{n}", {"name": f"Depot {n}"})
    found = client.get(f"{DEPOTS}?ref=erp:7").json()["results"]
    assert [row["name"] for row in found] == ["Depot 7"]
    assert client.get(f"{DEPOTS}?ref=other:7").json()["results"] == []
    assert client.get(f"{DEPOTS}?ref=erp").json()["errors"][0]["code"] == "invalid"
    with django_assert_num_queries(3):
        rows = client.get(DEPOTS).json()["results"]
    assert [row["refs"][0]["id"] for row in rows] == [str(n) for n in range(12)]


def test_a_stale_version_changes_nothing(cast, api):
    client = api(cast.manager)
    etag = put(client, "depots/by-ref/erp/1", {"name": "One"})["ETag"]
    assert put(client, "depots/by-ref/erp/1", {"name": "Two"}).status_code == 200
    stale = put(client, "depots/by-ref/erp/1", {"name": "Three"}, HTTP_IF_MATCH=etag)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert Depot.objects.get().name == "Two"
    absent = put(client, "depots/by-ref/erp/2", {"name": "New"}, HTTP_IF_MATCH='"1"')
    assert absent.status_code == 412


def test_who_may_only_add_does_not_change_what_is_there(cast, api):
    ours = {"system": "erp", "external_id": "1"}
    services.link_object(cast.driver, actor=cast.actor(), **ours)
    assert put(api(cast.viewer), "drivers/by-ref/erp/1", NORA).status_code == 403
    assert put(api(cast.accountant), "drivers/by-ref/erp/1", NORA).status_code == 403


def test_an_object_that_is_there_is_given_its_id_and_loses_it(cast, api):
    client = api(cast.manager)
    body = {"system": "crm", "external_id": "9", "kind": "drivers", "object_id": cast.driver.pk}
    made = client.post("/api/v1/external-refs", body, format="json")
    assert (made.status_code, made.json()["kind"]) == (201, "drivers")
    found = client.get(f"{DRIVERS}/by-ref/crm/9").json()
    assert found["id"] == cast.driver.pk
    taken = client.post(
        "/api/v1/external-refs", body | {"object_id": cast.other_driver.pk}, format="json"
    )
    assert (taken.status_code, taken.json()["code"]) == (409, "ref_taken")
    moved = client.post("/api/v1/external-refs", body | {"external_id": "10"}, format="json")
    assert moved.json()["id"] == made.json()["id"]
    assert client.get(f"{DRIVERS}/by-ref/crm/9").status_code == 404
    gone = client.delete(f"/api/v1/external-refs/{made.json()['id']}")
    assert gone.status_code == 204
    assert not ExternalRef.objects.exists()
    actions = AuditEntry.objects.filter(action__startswith="ref.").values_list("action", flat=True)
    assert list(actions.order_by("id")) == ["ref.linked", "ref.linked", "ref.unlinked"]
    shown = client.get("/api/v1/external-refs?kind=drivers&system=crm").json()["results"]
    assert shown == []


def test_an_adjustment_put_again_is_found_and_a_different_one_refused(cast, api):
    client = api(cast.accountant)
    body = {
        "driver": cast.driver.pk,
        "kind": "penalty",
        "amount": {"amount": "35.00", "currency": "MXN"},
        "due_on": "2026-03-01",
        "reason": "toll",
    }
    made = put(client, "adjustments/by-ref/tolls/88-1", body)
    assert (made.status_code, made.json()["amount"]["amount"]) == (201, "-35.00"), made.json()
    again = put(client, "adjustments/by-ref/tolls/88-1", body)
    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    dearer = body | {"amount": {"amount": "36.00", "currency": "MXN"}}
    differs = put(client, "adjustments/by-ref/tolls/88-1", dearer)
    assert (differs.status_code, differs.json()["code"]) == (409, "adjustment_differs")
    assert differs.json()["extra"] == {"fields": ["amount"]}


def test_a_ref_of_a_car_that_went_to_another_company_is_given_to_a_new_one(cast, api):
    from vehicles import services as vehicle_services

    ref = {"system": "erp", "external_id": "V-1"}
    services.link_object(cast.vehicle, actor=cast.actor(), **ref)
    vehicle_services.transfer_vehicle(cast.vehicle, cast.b, actor=cast.actor())
    body = {"vin": "WVWZZZE1ZP0009999", "model": cast.vehicle_model.pk}
    made = put(api(cast.manager), "vehicles/by-ref/erp/V-1", body)
    assert (made.status_code, made.json()["vin"]) == (201, "WVWZZZE1ZP0009999")


def test_services_refuse_what_the_api_would(cast):
    with pytest.raises(InvalidRef):
        services.link_object(cast.depot(), actor=cast.actor(), system="erp", external_id=" x")
    services.link_object(cast.driver, actor=cast.actor(), system="erp", external_id="x")
    with pytest.raises(RefTaken):
        services.link_object(cast.other_driver, actor=cast.actor(), system="erp", external_id="x")


@pytest.mark.django_db(transaction=True)
def test_of_parallel_puts_one_creates_and_the_others_find_it(cast):
    kind, actor, provider = record_kinds()["depots"], cast.actor(), cast.a

    def one():
        try:
            return services.put_record(
                kind,
                provider,
                actor=actor,
                system="erp",
                external_id="1",
                values={"name": "Centro"},
            )
        finally:
            connections.close_all()

    answers = at_once([one] * 6)
    assert sorted(created for _depot, created in answers) == [False] * 5 + [True]
    assert Depot.objects.count() == ExternalRef.objects.count() == 1
