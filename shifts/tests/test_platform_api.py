"""Platform income through the API: bulk posting with an answer each."""

import pytest

from shifts.models import PlatformEntry
from shifts.tests.scene import Scene, at
from voltop.api.fields import format_instant

ENTRIES = "/api/v1/platform-entries"
pytestmark = pytest.mark.django_db


@pytest.fixture
def client(scene: Scene, api):
    return api(scene.cast.accountant)


@pytest.fixture
def account(client) -> int:
    made = client.post(
        "/api/v1/platform-accounts", {"platform": "didi", "name": "DiDi"}, format="json"
    )
    assert made.status_code == 201, made.json()
    return made.json()["id"]


def row(scene: Scene, external_id: str, **values) -> dict:
    return {
        "external_id": external_id,
        "kind": "fare",
        "occurred_at": format_instant(at(1)),
        "posted_at": format_instant(at(2)),
        "amount": {"amount": "87.50", "currency": "MXN"},
        "driver": scene.cast.driver.pk,
        **values,
    }


def test_each_row_gets_an_answer_and_bad_ones_lose_no_good_ones(scene: Scene, client, account):
    shift = scene.active()
    body = {
        "account": account,
        "rows": [
            row(scene, "a"),
            row(scene, "b", occurred_at="yesterday"),
            row(scene, "c", amount={"amount": 5, "currency": "MXN"}),
            "nonsense",
            row(scene, "d", colour="red"),
            row(scene, "e", amount={"amount": "1.00", "currency": "USD"}),
            row(scene, "f", kind="fee", amount={"amount": "-17.50", "currency": "MXN"}),
        ],
    }
    answer = client.post(f"{ENTRIES}/bulk", body, format="json")
    assert answer.status_code == 200, answer.json()
    assert {k: answer.json()[k] for k in ("created", "duplicate", "refused")} == {
        "created": 2,
        "duplicate": 0,
        "refused": 5,
    }
    told = [
        (r["index"], r["external_id"], r["outcome"], r["code"]) for r in answer.json()["results"]
    ]
    assert told == [
        (0, "a", "created", ""),
        (1, "b", "refused", "invalid_datetime"),
        (2, "c", "refused", "amount_must_be_string"),
        (3, "", "refused", "object_expected"),
        (4, "d", "refused", "unknown_field"),
        (5, "e", "refused", "entry_currency"),
        (6, "f", "created", ""),
    ]
    entry = PlatformEntry.objects.get(external_id="a")
    assert answer.json()["results"][0]["id"] == entry.pk
    assert answer.json()["results"][0]["shift"] == shift.pk
    again = client.post(f"{ENTRIES}/bulk", body, format="json").json()
    assert (again["created"], again["duplicate"]) == (0, 2)


def test_a_batch_has_at_least_one_row_and_at_most_a_thousand(scene: Scene, client, account):
    for entries, code in (([], "too_few_items"), ([1] * 1001, "too_many_items")):
        answer = client.post(
            f"{ENTRIES}/bulk", {"account": account, "rows": entries}, format="json"
        )
        assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_entries_are_listed_by_shift_and_unattached(scene: Scene, client, account):
    shift = scene.active()
    entries = [row(scene, "in"), row(scene, "out", occurred_at=format_instant(at(-5)))]
    client.post(f"{ENTRIES}/bulk", {"account": account, "rows": entries}, format="json")

    def ids(query: str) -> list[str]:
        return [e["external_id"] for e in client.get(f"{ENTRIES}?{query}").json()["results"]]

    assert ids(f"shift={shift.pk}") == ["in"]
    assert ids("unattached=true") == ["out"]
    assert ids("kind=tip,fare") == ["in", "out"]
    shown = client.get(ENTRIES).json()["results"][0]
    assert shown["amount"] == {"amount": "87.50", "currency": "MXN"}


def test_platform_ids_are_given_and_taken(scene: Scene, client, account):
    body = {
        "account": account,
        "driver": scene.cast.driver.pk,
        "external_id": "D-9",
        "starts_at": format_instant(at(0)),
    }
    given = client.post("/api/v1/platform-drivers", body, format="json")
    assert given.status_code == 201, given.json()
    again = client.post("/api/v1/platform-drivers", body, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "platform_driver_taken")
    path = f"/api/v1/platform-drivers/{given.json()['id']}/end"
    taken = client.post(path, {"ends_at": format_instant(at(5))}, format="json")
    assert taken.json()["ends_at"] == format_instant(at(5))


def test_dispatcher_reads_income_but_posts_none(scene: Scene, api, client, account):
    dispatcher = api(scene.cast.dispatcher)
    assert dispatcher.get(ENTRIES).status_code == 200
    body = {"account": account, "rows": [row(scene, "x")]}
    assert dispatcher.post(f"{ENTRIES}/bulk", body, format="json").status_code == 403


def test_anothers_account_cannot_be_named(scene: Scene, api, account):
    body = {"account": account, "rows": [row(scene, "x")]}
    answer = api(scene.cast.outsider).post(f"{ENTRIES}/bulk", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "object_not_found")


def test_account_is_renamed_and_has_its_week(client, account):
    path = f"/api/v1/platform-accounts/{account}"
    answer = client.patch(path, {"week_starts_on": 0, "week_starts_hour": 4}, format="json")
    assert (answer.status_code, answer.json()["week_starts_hour"]) == (200, 4)
    assert client.patch(path, {"week_starts_hour": 24}, format="json").status_code == 400
