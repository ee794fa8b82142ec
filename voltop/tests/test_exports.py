"""Any list leaves as a file: all its rows, only its rows, as text and numbers, and noted."""

import asyncio
import csv
import io
import tracemalloc
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from openpyxl import load_workbook

from drivers import services as driver_services
from drivers.models import Driver
from fleets import limits
from fleets.models import AuditEntry, Depot
from fleets.services import create_depot, link_object
from payments.models import Adjustment
from voltop import clock, exports
from voltop.api import exports as api_exports
from voltop.tests import access
from voltop.tests.judging import OPERATIONS
from voltop.tests.test_tabular import FORMULAS
from voltop.tests.world import HTTP

pytestmark = pytest.mark.django_db
DRIVERS = "/api/v1/drivers"


def content(answer):
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def table(answer):
    return list(csv.DictReader(io.StringIO(content(answer).decode(), newline="")))


def sheet(answer):
    rows = list(load_workbook(io.BytesIO(content(answer))).active.iter_rows())
    return [cell.value for cell in rows[0]], rows[1:]


def test_a_list_is_exported_as_it_is_shown_with_its_filters_and_order(cast, api, monkeypatch):
    monkeypatch.setattr(api_exports, "PAGE_ROWS", 3)
    for name in "abcdefgh":
        cast.new_driver(name, active=name != "c")
    cast.new_driver("foreign", cast.b)
    link_object(
        Driver.objects.get(given_name="a"), actor=cast.actor(), system="erp", external_id="1"
    )
    client = api(cast.owner)
    query = "status=active&ordering=-id"
    shown = client.get(f"{DRIVERS}?{query}").json()["results"]
    answer = client.get(f"{DRIVERS}?{query}&export=csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="drivers-20')
    rows = table(answer)
    assert [row["id"] for row in rows] == [str(row["id"]) for row in shown]
    assert list(rows[0]) == list(shown[0])
    assert rows[-1]["refs"] == '[{"id": "1", "system": "erp"}]'
    header, cells = sheet(client.get(f"{DRIVERS}?{query}&export=xlsx"))
    assert header == list(shown[0])
    assert [row[0].value for row in cells] == [row["id"] for row in shown]
    assert cells[0][0].data_type == "n"
    assert table(client.get(f"{DRIVERS}?search=nobody&export=csv")) == []


def test_what_a_caller_may_not_see_is_not_in_the_file(cast, api):
    driver_services.update_driver(cast.driver, actor=cast.actor(), national_id="CANARY17")
    assert b"CANARY17" in content(api(cast.owner).get(f"{DRIVERS}?export=csv"))
    assert b"CANARY17" not in content(api(cast.viewer).get(f"{DRIVERS}?export=csv"))
    assert api(cast.viewer).get("/api/v1/engagements?export=csv").status_code == 403


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_no_name_becomes_a_formula(cast, api, form):
    storable = [text for text in FORMULAS if text.isprintable() or "\t" in text]
    for text in storable:
        Depot.objects.create(provider=cast.a, name=text)
    answer = api(cast.owner).get(f"/api/v1/depots?export={form}")
    if form == "csv":
        names = [row["name"] for row in table(answer)]
    else:
        header, rows = sheet(answer)
        cells = [row[header.index("name")] for row in rows]
        assert {cell.data_type for cell in cells} == {"s"}
        names = [cell.value for cell in cells]
    assert len(storable) > 15
    assert names == ["'" + text for text in storable]


def test_money_is_a_number_and_its_currency(world):
    owner = world.callers["owner"]
    answer = HTTP.get("/api/v1/adjustments?export=csv", headers=owner.headers)
    rows = table(answer)
    own = Adjustment.objects.for_provider(world.a.pk)
    assert {row["amount.amount"] for row in rows} == {f"{a.amount:.2f}" for a in own}
    assert {row["amount.currency"] for row in rows} == {"MXN"}


LISTS = sorted(
    name
    for name, operation in OPERATIONS.items()
    if operation.method == "GET" and name.endswith("_list") and name in access.rows()
)


@pytest.mark.parametrize("form", ["csv", pytest.param("xlsx", marks=pytest.mark.slow)])
def test_every_list_is_exported_to_whoever_may_read_it(world, form, monkeypatch):
    """Of each list as many rows as its pages show, nothing of B's to A."""
    at_most(len(LISTS), monkeypatch)
    wrong = []
    for name in LISTS:
        row = access.rows()[name]
        caller = next((c for c in ("owner", "driver") if c in row.allow), None)
        if caller is None:
            continue
        headers = {**world.callers[caller].headers, **row.headers}
        path = access.address(row, OPERATIONS[name].path, "own", world)
        mark = "&" if "?" in path else "?"
        file = HTTP.get(f"{path}{mark}export={form}", headers=headers)
        data = b"".join(file.streaming_content) if file.status_code == 200 else file.content
        page = HTTP.get(f"{path}{mark}page_size=200", headers=headers)
        if file.status_code != page.status_code:
            wrong.append(f"{name}: {file.status_code}")
        if file.status_code != 200 or page.status_code != 200:
            continue
        if form == "csv":
            count = len(list(csv.reader(io.StringIO(data.decode(), newline="")))) - 1
            if b"cnryB" in data:
                wrong.append(f"{name} shows what is B's")
        else:
            count = sum(1 for _ in load_workbook(io.BytesIO(data)).active.iter_rows()) - 1
        shown = len(page.json()["results"])
        if shown < 200 and count != shown:
            wrong.append(f"{name}: {count} rows instead of {shown}")
    assert len(LISTS) > 40
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("export=pdf", "export", "invalid_choice"),
        ("export=", "export", "invalid_choice"),
        ("export=csv&page_size=5", "page_size", "unknown_parameter"),
        ("export=csv&cursor=x", "cursor", "unknown_parameter"),
        ("export=csv&colour=red", "colour", "unknown_parameter"),
    ],
)
def test_what_cannot_be_meant_is_refused(cast, api, query, field, code):
    answer = api(cast.owner).get(f"{DRIVERS}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["errors"][0]["field"] == field


def test_a_workbook_takes_only_so_many_rows(cast, api, monkeypatch):
    monkeypatch.setattr(exports, "MAX_WORKBOOK_ROWS", 1)
    assert cast.driver
    assert cast.other_driver
    answer = api(cast.owner).get(f"{DRIVERS}?export=xlsx")
    assert (answer.status_code, answer.json()["code"]) == (400, "export_too_large")
    assert len(table(api(cast.owner).get(f"{DRIVERS}?export=csv"))) == 2


def at_most(count, monkeypatch):
    monkeypatch.setattr(limits, "EXPORTS", replace(limits.EXPORTS, count=count))


def test_only_so_many_files_leave_in_ten_minutes(cast, api, monkeypatch):
    at_most(2, monkeypatch)
    owner, address = api(cast.owner), f"{DRIVERS}?export=csv"
    assert [owner.get(address).status_code for _ in range(2)] == [200, 200]
    for form in ("csv", "xlsx"):
        answer = owner.get(f"/api/v1/depots?export={form}")
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_exports")
        assert 590 <= int(answer["Retry-After"]) <= 600
    assert owner.get(DRIVERS).status_code == 200
    noted = AuditEntry.objects.for_provider(cast.a.pk).filter(action="list.exported")
    assert noted.count() == 2
    for other in (cast.manager, cast.outsider):
        assert api(other).get(address).status_code == 200


def test_files_leave_again_as_the_minutes_pass(cast, monkeypatch):
    at_most(1, monkeypatch)
    actor, at = cast.actor(), clock.now()
    assert limits.too_many_exports(actor, at) is None
    refused = limits.too_many_exports(actor, at + timedelta(minutes=4))
    assert (refused.code, refused.retry_after_s) == ("too_many_exports", 360)
    assert limits.too_many_exports(actor, at + timedelta(minutes=10)) is None


def test_whoever_takes_rows_along_is_noted(cast, api):
    content(api(cast.owner).get(f"{DRIVERS}?status=active&search=Ana&export=csv"))
    (entry,) = AuditEntry.objects.for_provider(cast.a.pk).filter(action="list.exported")
    assert entry.actor == f"user:{cast.owner.pk}"
    assert entry.changes == {
        "list": [None, "drivers"],
        "form": [None, "csv"],
        "filters": [None, {"status": "active", "search": ""}],
    }
    api(cast.viewer).get("/api/v1/engagements?export=csv")
    assert AuditEntry.objects.for_provider(cast.a.pk).filter(action="list.exported").count() == 1


def test_a_long_list_leaves_in_little_memory(cast, api):
    Depot.objects.bulk_create(
        Depot(provider=cast.a, name=f"Depot {n}", address="x" * 200) for n in range(2_000)
    )
    client = api(cast.owner)
    answer = client.get("/api/v1/depots?export=csv")
    tracemalloc.start()
    size = sum(len(part) for part in answer.streaming_content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 500_000
    assert peak < 5_000_000


def test_an_asynchronous_server_is_handed_part_by_part():
    parts = exports._awaited(iter([b"a", b"b", b"c"]))

    async def collected():
        return [part async for part in parts]

    assert asyncio.run(collected()) == [b"a", b"b", b"c"]


# --- In the admin --------------------------------------------------------------------------------
def export(browser, path, form, *rows, **more):
    body = {"action": f"export_{form}", "_selected_action": rows, **more}
    return browser.post(path, body)


def test_staff_export_what_they_see_in_a_list(cast):
    for n in range(3):
        create_depot(cast.a, actor=cast.actor(), name=f"=Depot {n}")
    create_depot(cast.b, actor=cast.actor(cast.b), name="Theirs")
    browser = Client()
    browser.force_login(cast.viewer)
    keys = list(Depot.objects.unscoped().values_list("pk", flat=True))
    rows = table(export(browser, "/admin/fleets/depot/", "csv", *keys))
    assert [next(iter(row.values())) for row in rows] == [f"'=Depot {n}" for n in range(3)]
    header, cells = sheet(export(browser, "/admin/fleets/depot/", "xlsx", keys[0], select_across=1))
    assert len(cells) == 3
    assert header == list(rows[0])
    noted = AuditEntry.objects.for_provider(cast.a.pk).filter(action="list.exported")
    assert [e.actor for e in noted] == [f"user:{cast.viewer.pk}"] * 2
    answer = export(browser, "/admin/fleets/auditentry/", "csv", 1)
    assert answer.status_code == 403


def test_staff_are_told_to_wait_or_to_narrow_a_list(cast, monkeypatch):
    depot = create_depot(cast.a, actor=cast.actor(), name="Norte")
    browser, path = Client(), "/admin/fleets/depot/"
    browser.force_login(cast.viewer)
    monkeypatch.setattr(exports, "MAX_WORKBOOK_ROWS", 0)
    page = export(browser, path, "xlsx", depot.pk)
    assert (page.status_code, page["Location"]) == (302, path)
    assert "too long for a workbook" in browser.get(path).content.decode()
    at_most(1, monkeypatch)
    assert export(browser, path, "csv", depot.pk).status_code == 302
    assert "Too many files at once" in browser.get(path).content.decode()
