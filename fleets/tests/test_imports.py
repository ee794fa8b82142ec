"""Files of records: judged row by row, taken once whatever happens, never another company's."""

import base64
import gzip
import io
import signal

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from openpyxl import Workbook

from drivers.models import Driver
from fleets import services
from fleets.errors import ImportFileGone, ImportUnderWay
from fleets.models import AuditEntry, DataImport, DataImportProblem, Depot, Membership, OneTimeCode
from fleets.services import import_runs
from fleets.tests.hooks import in_child
from vehicles.models import Vehicle
from voltop import clock
from voltop.context import Actor
from voltop.errors import PermissionDenied
from voltop.jobs import Job
from voltop.records import record_kinds
from voltop.tables import Counter, OutboxMessage
from voltop.tests.parallel import at_once

pytestmark = pytest.mark.django_db
IMPORTS = "/api/v1/imports"


def text(*rows):
    return "\n".join(["given_name,family_name,email,ref", *rows, ""]).encode()


def many(count):
    return text(*(f"N{n},Many,n{n}@x.example,erp:{n}" for n in range(count)))


def send(client, content, **values):
    body = {"kind": "drivers", "file_name": "drivers.csv", **values}
    body["content"] = base64.b64encode(content).decode()
    return client.post(IMPORTS, body, format="json")


def request(cast, content, *, kind="drivers", actor=None, **values):
    return services.request_import(
        cast.a,
        actor=actor or cast.actor(),
        kind=record_kinds()[kind],
        file_name="rows.csv",
        content=content,
        **values,
    )


def run(made):
    services.run_import(made.job_id)
    return DataImport.objects.select_related("job").get(pk=made.pk)


def counts(done):
    return done.job.state, done.created_count, done.updated_count, done.refused_count


def problems(made):
    rows = DataImportProblem.objects.for_provider(made.provider_id).filter(data_import=made)
    return list(rows.values_list("row_number", "column", "code"))


# --- From end to end -----------------------------------------------------------------------------
def test_a_file_is_judged_then_taken_and_watched_over_the_api(cast, api):
    client = api(cast.dispatcher)
    judged = send(client, text("Ida,Import,ida@x.example,", "Ivo,Import,,"), dry_run=True)
    assert judged.status_code == 202, judged.json()
    assert (judged.json()["state"], judged.json()["total"]) == ("queued", 2)
    services.run_imports()
    found = client.get(f"{IMPORTS}/{judged.json()['id']}").json()
    assert (found["state"], found["done"], found["created_count"]) == ("done", 2, 1)
    wrong = client.get(f"{IMPORTS}/{found['id']}/problems").json()["results"]
    assert [(w["row_number"], w["column"], w["code"]) for w in wrong] == [
        (3, "phone", "login_required")
    ]
    assert wrong[0]["detail"]
    assert not Driver.objects.unscoped().exists()

    applied = client.post(f"{IMPORTS}/{found['id']}/apply")
    assert applied.status_code == 202, applied.json()
    services.run_imports()
    done = client.get(f"{IMPORTS}/{applied.json()['id']}").json()
    assert (done["state"], done["created_count"], done["refused_count"]) == ("done", 1, 1)
    assert done["actor"] == f"user:{cast.dispatcher.pk}"
    assert Driver.objects.unscoped().get().given_name == "Ida"
    listed = client.get(f"{IMPORTS}?kind=drivers&state=done&dry_run=false").json()["results"]
    assert [row["id"] for row in listed] == [done["id"]]
    asked = AuditEntry.objects.unscoped().filter(action="data_import.requested")
    assert [entry.actor for entry in asked] == [f"user:{cast.dispatcher.pk}"] * 2


def rows_of(*models):
    return [model._base_manager.count() for model in models]


def test_a_dry_run_changes_nothing(cast):
    made = request(cast, many(3), dry_run=True)
    touched = (Driver, OutboxMessage, OneTimeCode, AuditEntry, Counter)
    before = rows_of(*touched)
    assert counts(run(made)) == ("done", 3, 0, 0)
    assert rows_of(*touched) == before


def test_rows_with_a_ref_are_put_by_it(cast):
    assert counts(run(request(cast, many(3)))) == ("done", 3, 0, 0)
    again = many(4).replace(b"N1,Many", b"Nina,Many")
    assert counts(run(request(cast, again))) == ("done", 1, 3, 0)
    names = Driver.objects.for_provider(cast.a.pk).values_list("given_name", flat=True)
    assert sorted(names) == ["N0", "N2", "N3", "Nina"]
    content = DataImport.objects.for_provider(cast.a.pk).values_list("content", flat=True)
    assert {bytes(each) for each in content} == {b""}, "people's data is kept after its end"


def test_a_workbook_in_the_words_of_people(cast):
    cast.depot()
    model = cast.vehicle_model
    book = Workbook()
    book.active.append(["Chassis", "Placas", "Número económico", "Modelo", "Depot"])
    book.active.append(["WVWZZZE1ZP0000001", "ABC-1", 7, f"{model.make} {model.model}", "centro"])
    book.active.append(["WVWZZZE1ZP0000002", "ABC-2", 8, f"{model.make} {model.model} 2025", None])
    book.active.append(["WVWZZZE1ZP0000003", "ABC-3", 9, "Some Car", "Nowhere"])
    file = io.BytesIO()
    book.save(file)
    done = run(request(cast, file.getvalue(), kind="vehicles"))
    assert counts(done) == ("done", 2, 0, 1)
    assert problems(done) == [(4, "Modelo", "object_not_found"), (4, "Depot", "object_not_found")]
    car = Vehicle.objects.for_provider(cast.a.pk).get(label="7")
    assert (car.plate, car.model_id, car.depot.name) == ("ABC1", model.pk, "Centro")


# --- Mistakes ------------------------------------------------------------------------------------
LATE = "31/12/1990", "12/31/1990", "31.12.1990", "31-12-1990", "1990/12/31", "19901231", "1990-2-3"
NO_DATES = (*LATE, "1990-02-30", "1990-13-01", "31 Dec 1990", "33238", "yesterday", "1990-12-31T00")
CONTROLS = "\x01\x02\x07\x0e\x1b\x1f\x7f\x80\x85\x9f\u202a\u202e\u2066\u2069"
FORMULAS = (
    "=1+1",
    " =1",
    "＝1",
    "﹦1",
    "=cmd|'/c calc'!A0",
    '"=HYPERLINK(""http://x"")"',
    "\u00a0=1",
)
BAD_CELLS = [
    ("given_name", "", "required"),
    ("family_name", "", "required"),
    ("given_name", " ", "required"),
    ("given_name", "\u200b\u2060", "blank"),
    *(("given_name", text, "formula_in_cell") for text in FORMULAS),
    *(("ref", text, "formula_in_cell") for text in FORMULAS),
    *(("given_name", f"a{c}b", "control_characters") for c in CONTROLS),
    ("family_name", '"a\nb"', "control_characters"),
    ("family_name", '"a\tb"', "control_characters"),
    ("given_name", "x" * 81, "too_long"),
    ("given_name", "a" + "\u0301" * 9, "combining_marks"),
    ("employee_number", "7" * 33, "too_long"),
    ("email", "x" * 250 + "@x.example", "too_long"),
    *(("email", t, "invalid_email") for t in ("nobody", "a@b", "a b@x.example", "@x.example")),
    *(("phone", text, "invalid_phone") for text in ("12", "call me", "+99912345", "00-00")),
    *(("language", text, "invalid_choice") for text in ("xx", "EN", "english", "0", "fr", "de-DE")),
    *(("birth_date", text, "invalid_date") for text in NO_DATES),
    *(("hired_on", text, "invalid_date") for text in NO_DATES),
    ("birth_date", "0001-01-01", "date_out_of_range"),
    ("birth_date", "2999-01-01", "date_out_of_range"),
    *(
        ("depot", t, "object_not_found")
        for t in ("999999999", "-1", "0", "Nowhere", "1.5", "9" * 30)
    ),
    *(("ref", t, "invalid_ref") for t in ("D-17", "ERP:1", "erp:", ":1", "a b:1", "x" * 41 + ":1")),
]
GOOD = {"given_name": "Ida", "family_name": "Import", "email": "ida@x.example"}
COLUMNS = (
    *("given_name", "family_name", "email", "phone", "language", "employee_number"),
    *("birth_date", "hired_on", "depot", "ref"),
)


def test_each_bad_cell_is_named_with_its_row_and_nothing_is_done_for_it(cast):
    lines = [",".join(COLUMNS)]
    lines += [
        ",".join(({**GOOD, column: cell}).get(c, "") for c in COLUMNS)
        for column, cell, _code in BAD_CELLS
    ]
    made = request(cast, "\n".join(lines).encode())
    done = run(made)
    assert counts(done) == ("done", 0, 0, len(BAD_CELLS))
    assert [(column, code) for _row, column, code in problems(made)] == [
        (column, code) for column, _cell, code in BAD_CELLS
    ]
    numbers = [row for row, _column, _code in problems(made)]
    assert numbers == [*range(2, len(BAD_CELLS) + 2)]
    assert len(BAD_CELLS) >= 92
    assert not Driver.objects.for_provider(cast.a.pk).exists()
    assert all(p.detail for p in DataImportProblem.objects.for_provider(cast.a.pk))


def test_whole_rows_and_several_cells_can_be_wrong(cast):
    content = b"given_name,family_name,email\nIda,Import\nIda,Imp\0rt,i@x.example\n=1,,nobody\n"
    made = request(cast, content)
    assert counts(run(made)) == ("done", 0, 0, 3)
    assert problems(made) == [
        (2, "", "uneven_row"),
        (3, "", "null_characters_not_allowed"),
        (4, "given_name", "formula_in_cell"),
        (4, "family_name", "required"),
        (4, "email", "invalid_email"),
    ]


FILES = {
    "empty": (b"", 400, "empty_table"),
    "no rows": (b"given_name,family_name\n", 400, "empty_table"),
    "latin-1": ("given_name,family_name\nJosé,x\n".encode("latin-1"), 400, "wrong_encoding"),
    "late latin-1": (many(2_000) + b"Jos\xe9,x,,\n", 400, "wrong_encoding"),
    "semicolons": (b"given_name;family_name\nIda;Import\n", 400, "wrong_delimiter"),
    "missing": (b"given_name,phone\nIda,\n", 400, "missing_columns"),
    "unknown": (b"given_name,family_name,colour\nIda,x,y\n", 400, "unknown_columns"),
    "doubled": (b"given_name,family_name,given_name\n", 400, "doubled_columns"),
    "twice by other names": (b"given_name,family_name,Nombre\n", 400, "doubled_columns"),
    "quotes": (b'given_name,family_name\n"Ida,x\n', 400, "unreadable_table"),
    "no workbook": (b"PK\x03\x04" + b"x" * 99, 400, "unreadable_table"),
    "10 MB and 1": (b"x" * 10_000_001, 413, "table_too_large"),
    "gzip bomb": (
        gzip.compress(b"given_name,family_name\n" + b"a" * 60_000_000), 413, "table_too_large"
    ),
    "rows": (b"given_name,family_name\n" + b"a,b\n" * 50_001, 413, "table_too_large"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_meant_is_refused_at_once(cast, api, name):
    content, status, code = FILES[name]
    answer = send(api(cast.manager), content)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.json()
    assert not DataImport.objects.unscoped().exists()


def test_what_columns_there_are_is_told_to_whoever_has_others(cast, api):
    extra = send(api(cast.manager), FILES["unknown"][0]).json()["extra"]
    assert extra["unknown"] == ["colour"]
    assert {"given_name", "phone", "ref"} <= {*extra["known"]}


def test_the_delimiter_can_be_said_and_bytes_are_base64(cast, api):
    client = api(cast.manager)
    assert send(client, FILES["semicolons"][0], delimiter=";").status_code == 202
    body = {"kind": "drivers", "file_name": "x", "content": "not base64!"}
    answer = client.post(IMPORTS, body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_base64")


def test_a_body_beyond_any_file_is_refused_unread(cast, api):
    answer = send(api(cast.manager), b"x" * 11_000_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


# --- Who may -------------------------------------------------------------------------------------
def test_a_viewer_may_not_import_and_nobody_more_than_by_hand(cast, api):
    content = many(1)
    assert send(api(cast.viewer), content).status_code == 403
    assert send(api(cast.accountant), content).status_code == 403
    depots = b"name\nNorth\n"
    assert send(api(cast.dispatcher), depots, kind="depots").status_code == 403
    assert not DataImport.objects.unscoped().exists()


def test_another_companys_import_does_not_exist(cast, api):
    made = request(cast, many(1), dry_run=True)
    run(made)
    client = api(cast.outsider)
    for path in ("", "/problems"):
        assert client.get(f"{IMPORTS}/{made.pk}{path}").status_code == 404
    assert client.post(f"{IMPORTS}/{made.pk}/apply").status_code == 404
    assert client.get(IMPORTS).json()["results"] == []


def test_who_lost_the_right_meanwhile_imports_nothing(cast):
    made = request(cast, many(2), actor=Actor("user", cast.dispatcher.pk, cast.a.pk))
    services.change_role(
        Membership.objects.for_provider(cast.a.pk).get(user=cast.dispatcher),
        actor=cast.actor(),
        role="viewer",
    )
    done = run(made)
    assert (done.job.state, done.job.error_code) == ("failed", "permission_denied")
    assert not Driver.objects.for_provider(cast.a.pk).exists()


# --- Once ----------------------------------------------------------------------------------------
def test_the_same_file_waits_for_its_end_and_may_then_come_again(cast, api):
    client = api(cast.manager)
    first = send(client, many(2))
    second = send(client, many(2))
    assert (second.status_code, second.json()["code"]) == (409, "import_under_way")
    assert second.json()["extra"] == {"data_import": first.json()["id"]}
    services.run_imports()
    assert send(client, many(2)).status_code == 202
    services.run_imports()
    assert Driver.objects.for_provider(cast.a.pk).count() == 2


def test_a_dry_run_is_applied_only_while_its_file_is_kept(cast):
    made = request(cast, many(1), dry_run=True)
    run(made)
    Job.objects.filter(pk=made.job_id).update(finished_at=clock.now() - services.FILES_KEPT * 2)
    assert services.forget_files() == 1
    with pytest.raises(ImportFileGone):
        services.apply_import(DataImport.objects.get(pk=made.pk), actor=cast.actor())


@pytest.mark.django_db(transaction=True)
def test_the_same_file_at_once_is_one_import_and_each_row_happens_once(cast, monkeypatch):
    monkeypatch.setattr(import_runs, "CHUNK_ROWS", 3)
    actor = cast.actor()
    results = at_once([lambda: request(cast, many(20), actor=actor)] * 4)
    made = [each for each in results if isinstance(each, DataImport)]
    refused = [each for each in results if isinstance(each, ImportUnderWay)]
    assert (len(made), len(refused)) == (1, 3), results
    rows = at_once([services.run_imports] * 4)
    services.run_imports()
    assert all(isinstance(each, int) for each in rows), rows
    done = DataImport.objects.select_related("job").get(pk=made[0].pk)
    assert counts(done) == ("done", 20, 0, 0)
    assert Driver.objects.for_provider(cast.a.pk).count() == 20


def killed_and_resumed(cast, monkeypatch, points, rows):
    monkeypatch.setattr(import_runs, "CHUNK_ROWS", 5)
    made = request(cast, many(rows))
    for point in points:
        monkeypatch.setenv("VOLTOP_FAIL_AT", point)
        child = in_child(services.run_imports)
        child.join()
        assert child.exitcode == -signal.SIGKILL, point
    monkeypatch.delenv("VOLTOP_FAIL_AT")
    services.run_imports()
    done = DataImport.objects.select_related("job").get(pk=made.pk)
    assert counts(done) == ("done", rows, 0, 0)
    assert done.job.done == rows
    assert Driver.objects.for_provider(cast.a.pk).count() == rows
    assert Job.objects.get(pk=made.job_id).events.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_within_a_file_loses_and_doubles_nothing(cast, monkeypatch):
    killed_and_resumed(cast, monkeypatch, ["fleets.import.chunk:2"], 14)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_workers_killed_again_and_again_lose_and_double_nothing(cast, monkeypatch):
    points = [
        *("fleets.import.chunk", "fleets.import.chunk_done", "fleets.import.chunk:2"),
        *("fleets.import.chunk_done:2", "fleets.import.chunk:3", "fleets.import.chunk_done"),
    ]
    killed_and_resumed(cast, monkeypatch, points, 120)


# --- In the admin --------------------------------------------------------------------------------
def test_staff_hand_a_file_in_and_see_what_is_wrong(cast):
    browser = Client()
    browser.force_login(cast.manager)
    file = io.BytesIO(text("Ida,Import,ida@x.example,", "Ivo,Import,,"))
    file.name = "drivers.csv"
    form = {"kind": "drivers", "file": file, "delimiter": ",", "dry_run": "on"}
    assert browser.post("/admin/fleets/dataimport/add/", form).status_code == 302
    services.run_imports()
    made = DataImport.objects.for_provider(cast.a.pk).get()
    page = browser.get(f"/admin/fleets/dataimport/{made.pk}/change/").content.decode()
    assert "login_required" in page
    assert "2 / 2" in page
    assert str(cast.manager) in page
    assert f"user:{cast.manager.pk}" not in page
    assert "(&#x27;done" not in page
    action = {"action": "add_dataimport__apply", "_selected_action": made.pk}
    browser.post("/admin/fleets/dataimport/", action)
    services.run_imports()
    assert Driver.objects.for_provider(cast.a.pk).get().given_name == "Ida"


def test_a_broken_file_is_an_error_of_the_form(cast):
    browser = Client()
    browser.force_login(cast.manager)
    file = io.BytesIO(b"given_name;family_name\nIda;x\n")
    file.name = "drivers.csv"
    form = {"kind": "drivers", "file": file, "delimiter": ","}
    answer = browser.post("/admin/fleets/dataimport/add/", form)
    assert answer.status_code == 200
    assert "Another character separates the columns" in answer.content.decode()
    assert not DataImport.objects.unscoped().exists()


# --- Told a part ---------------------------------------------------------------------------------
def test_only_so_many_problems_are_told_but_all_are_counted(cast, monkeypatch):
    monkeypatch.setattr(import_runs, "MAX_PROBLEMS", 60)
    made = request(cast, b"name,geofence_radius_m\n" + b"N,far\n" * 250, kind="depots")
    assert counts(run(made)) == ("done", 0, 0, 250)
    assert len(problems(made)) == 100
    assert not Depot.objects.for_provider(cast.a.pk).exists()


def test_rights_are_asked_of_whoever_sends(cast):
    with pytest.raises(PermissionDenied):
        request(cast, many(1), actor=Actor("user", cast.viewer.pk, cast.a.pk))


# --- On the command line -------------------------------------------------------------------------
def command(path, **options):
    out = io.StringIO()
    call_command("import_rows", "drivers", str(path), stdout=out, **options)
    return out.getvalue()


def test_the_command_judges_imports_and_tells_what_it_did(cast, tmp_path, capsys):
    path = tmp_path / "drivers.csv"
    path.write_bytes(text("Ida,Import,ida@x.example,", "Ivo,Import,nobody,"))
    told = command(path, provider=str(cast.a.pk), dry_run=True)
    assert told.startswith("dry run, rows 2, created 1, updated 0, refused 1 in ")
    assert "row 3: email: invalid_email" in capsys.readouterr().err
    assert not Driver.objects.for_provider(cast.a.pk).exists()
    assert command(path, provider=cast.a.name).startswith("rows 2, created 1, updated 0, refused 1")
    assert Driver.objects.for_provider(cast.a.pk).get().given_name == "Ida"
    for options, problem in (
        ({"provider": "Nobody"}, "no such company"),
        ({"provider": str(cast.a.pk), "delimiter": ";"}, "wrong_delimiter"),
    ):
        with pytest.raises(CommandError, match=problem):
            command(path, **options)
    with pytest.raises(CommandError, match="no such file"):
        command("/nowhere.csv", provider="1")


def test_the_command_goes_on_where_it_was_broken_off(cast, tmp_path, monkeypatch):
    monkeypatch.setattr(import_runs, "CHUNK_ROWS", 2)
    path = tmp_path / "drivers.csv"
    path.write_bytes(many(5))
    made = request(cast, many(5), actor=Actor.system("fleets.import_rows", cast.a.pk))
    services.run_import(made.job_id, stop_at=0)
    assert Driver.objects.for_provider(cast.a.pk).count() == 2
    assert command(path, provider=str(cast.a.pk)).startswith("rows 5, created 5, ")
    assert DataImport.objects.for_provider(cast.a.pk).count() == 1
