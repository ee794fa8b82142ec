"""Drivers through the API, as staff, as a driver and as a stranger."""

import pytest
from django.test import Client

from drivers import services
from drivers.models import Driver, PayoutAccount
from fleets.models import AuditEntry

DRIVERS = "/api/v1/drivers"
NEW = {"given_name": "Nora", "family_name": "Nuñez", "email": "nora@x.example"}


def test_a_dispatcher_invites_a_driver_and_reads_it_back(cast, api):
    client = api(cast.dispatcher)
    made = client.post(DRIVERS, NEW, format="json")
    assert made.status_code == 201, made.json()
    assert made.json()["status"] == "invited"
    assert made["ETag"] == '"1"'
    shown = client.get(f"{DRIVERS}/{made.json()['id']}")
    assert shown.json() == made.json()
    assert Driver.objects.get(pk=made.json()["id"]).provider == cast.a


def test_the_list_holds_own_drivers_only_filters_and_searches(cast, api):
    cast.driver, cast.foreign_driver  # noqa: B018
    cast.new_driver("Ines", active=False)
    client = api(cast.viewer)

    def names(query: str = "") -> list[str]:
        answer = client.get(f"{DRIVERS}{query}")
        assert answer.status_code == 200, answer.json()
        return [row["given_name"] for row in answer.json()["results"]]

    assert names() == ["Dora", "Ines"]
    assert names("?status=active") == ["Dora"]
    assert names("?status=active,invited") == ["Dora", "Ines"]
    assert names("?search=ine+driv") == ["Ines"]
    assert names("?ordering=-id") == ["Ines", "Dora"]
    page = client.get(f"{DRIVERS}?page_size=1").json()
    assert [row["given_name"] for row in page["results"]] == ["Dora"]
    following = client.get(f"{DRIVERS}?page_size=1&cursor={page['next']}").json()
    assert [row["given_name"] for row in following["results"]] == ["Ines"]
    assert following["next"] is None


@pytest.mark.parametrize(
    "typed",
    ["nunez", "NÚÑEZ", "josé nuñez", "+52 55 1234 5678", "(55) 1234-5678", "Jose@", "1234"],
)
def test_a_driver_is_found_as_people_type(cast, api, typed):
    found = services.invite_driver(
        cast.a,
        actor=cast.actor(),
        given_name="José",
        family_name="Núñez",
        email="jose@x.example",
        phone="+525512345678",
    )
    cast.driver  # noqa: B018
    client = api(cast.viewer)
    rows = client.get(DRIVERS, {"search": typed}).json()["results"]
    assert [row["id"] for row in rows] == [found.pk]
    browser = Client()
    browser.force_login(cast.viewer)
    page = browser.get("/admin/drivers/driver/", {"q": typed})
    assert [row.pk for row in page.context["cl"].result_list] == [found.pk]


@pytest.mark.parametrize("typed", ["%", "_", "+52 66 1234 5678", "nunes"])
def test_a_search_finds_nothing_else(cast, api, typed):
    cast.driver  # noqa: B018
    rows = api(cast.viewer).get(DRIVERS, {"search": typed}).json()["results"]
    assert rows == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?status=flying", "invalid_choice"),
        ("?colour=red", "unknown_parameter"),
        ("?ordering=user__password", "unknown_ordering"),
        ("?page_size=201", "limit_out_of_range"),
        ("?cursor=nonsense", "bad_cursor"),
    ],
)
def test_a_query_that_nobody_declared_is_refused(cast, api, query, code):
    answer = api(cast.viewer).get(DRIVERS + query)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    body = answer.json()
    assert code in (body["code"], *(error["code"] for error in body["errors"]))


def test_a_stale_change_is_refused_and_a_fresh_one_lands(cast, api):
    client = api(cast.manager)
    path = f"{DRIVERS}/{cast.driver.pk}"
    etag = client.get(path)["ETag"]
    first = client.patch(path, {"employee_number": "7"}, format="json", HTTP_IF_MATCH=etag)
    assert (first.status_code, first.json()["employee_number"]) == (200, "7")
    assert first["ETag"] != etag
    stale = client.patch(path, {"employee_number": "8"}, format="json", HTTP_IF_MATCH=etag)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert Driver.objects.get(pk=cast.driver.pk).employee_number == "7"


def test_another_providers_driver_is_missing_byte_for_byte(cast, api):
    client = api(cast.owner)
    foreign = client.get(f"{DRIVERS}/{cast.foreign_driver.pk}")
    missing = client.get(f"{DRIVERS}/999999")
    assert foreign.status_code == missing.status_code == 404
    one, two = foreign.json(), missing.json()
    assert one.pop("request_id") != two.pop("request_id")
    assert one == two


def test_a_driver_calls_no_staff_function(cast, api):
    client = api(cast.driver.user)
    assert client.get(DRIVERS).status_code == 403
    assert client.get(f"{DRIVERS}/{cast.driver.pk}").json()["code"] == "permission_denied"


def test_a_move_through_the_api_needs_its_reason_and_shows_in_the_timeline(cast, api):
    client = api(cast.dispatcher)
    path = f"{DRIVERS}/{cast.driver.pk}"
    refused = client.post(f"{path}/suspend", {}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "reason_required")
    moved = client.post(f"{path}/suspend", {"reason": "papers"}, format="json")
    assert (moved.status_code, moved.json()["status"]) == (200, "suspended")
    again = client.post(f"{path}/suspend", {"reason": "papers"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")
    timeline = client.get(f"{path}/events").json()["results"]
    assert [(e["from_state"], e["to_state"]) for e in timeline] == [
        ("", "invited"),
        ("invited", "onboarding"),
        ("onboarding", "active"),
        ("active", "suspended"),
    ]
    assert timeline[-1]["actor"] == f"user:{cast.dispatcher.pk}"


def test_only_owner_and_manager_end_a_drivers_work(cast, api):
    path = f"{DRIVERS}/{cast.new_driver('Ines', active=False).pk}/terminate"
    assert api(cast.dispatcher).post(path, {"reason": "x"}, format="json").status_code == 403
    assert api(cast.manager).post(path, {"reason": "withdrew"}, format="json").status_code == 200


def test_the_same_key_invites_once(cast, api):
    client = api(cast.dispatcher)
    answers = [
        client.post(DRIVERS, NEW, format="json", HTTP_IDEMPOTENCY_KEY="invite-1") for _ in range(3)
    ]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    other = client.post(
        DRIVERS, NEW | {"given_name": "Eva"}, format="json", HTTP_IDEMPOTENCY_KEY="invite-1"
    )
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Driver.objects.count() == 1


def test_an_unknown_field_is_refused(cast, api):
    answer = api(cast.dispatcher).post(DRIVERS, NEW | {"status": "active"}, format="json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0] == {
        "field": "status",
        "code": "unknown_field",
        "detail": answer.json()["errors"][0]["detail"],
    }


def test_an_accountant_sets_an_account_and_sees_its_mask_only(cast, api):
    body = {
        "driver": cast.driver.pk,
        "kind": "clabe",
        "details": {"clabe": "002010077777777771"},
        "holder_name": "Dora Driver",
    }
    assert (
        api(cast.dispatcher).post("/api/v1/payout-accounts", body, format="json").status_code == 403
    )
    client = api(cast.accountant)
    made = client.post("/api/v1/payout-accounts", body, format="json")
    assert (made.status_code, made.json()["mask"]) == (201, "CLABE •••• 7771")
    shown = client.get("/api/v1/payout-accounts?retired=false")
    assert len(shown.json()["results"]) == 1
    assert b"00201007777777" not in made.content + shown.content
    bad = client.post(
        "/api/v1/payout-accounts", body | {"details": {"clabe": "1" * 18}}, format="json"
    )
    assert (bad.status_code, bad.json()["code"]) == (400, "invalid_payout_account")
    assert bad.json()["extra"]["reason"] == "check_digit"
    assert bad.json()["errors"][0]["field"] == "details.clabe"
    assert PayoutAccount.objects.count() == 1
    assert AuditEntry.objects.filter(action="payout_account.set").count() == 1


def test_a_foreign_driver_in_a_body_is_not_found(cast, api):
    body = {"driver": cast.foreign_driver.pk, "kind": "renter", "starts_on": "2026-01-01"}
    answer = api(cast.owner).post("/api/v1/engagements", body, format="json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "object_not_found"


@pytest.mark.parametrize("rows", [1, 12])
def test_the_list_takes_the_same_number_of_queries_whatever_its_length(
    cast, api, rows, django_assert_num_queries
):
    for n in range(rows):
        cast.new_driver(f"D{n}")
    client = api(cast.viewer)
    with django_assert_num_queries(3):
        assert len(client.get(DRIVERS).json()["results"]) == rows
