"""Papers that another register knows come by file: rows without pictures, judged like others."""

import pytest

from drivers import services
from drivers.models import DriverDocument
from drivers.tests.papers import hand_in
from fleets import services as fleet_services
from fleets.models import DataImport
from fleets.services import import_runs
from voltop.errors import PermissionDenied
from voltop.records import record_kinds

pytestmark = pytest.mark.django_db
HEADER = "driver,kind,number,issued_on,expires_on"


def request(cast, *rows: str, header: str = HEADER, actor=None, **values) -> DataImport:
    return fleet_services.request_import(
        cast.a,
        actor=actor or cast.actor(),
        kind=record_kinds()["documents"],
        file_name="papers.csv",
        content="\n".join([header, *rows]).encode(),
        **values,
    )


def taken(cast, *rows: str, **values) -> DataImport:
    made = request(cast, *rows, **values)
    import_runs.run_import(made.job_id)
    made.refresh_from_db()
    return made


def counts(made: DataImport) -> tuple[int, int, int]:
    return made.created_count, made.updated_count, made.refused_count


def problems(made: DataImport) -> list[tuple[int, str, str]]:
    return list(made.problems.values_list("row_number", "column", "code"))


def papers() -> list[DriverDocument]:
    return list(DriverDocument.objects.unscoped().order_by("pk"))


def test_a_driver_is_meant_by_id_key_number_or_address(cast):
    dora, dario = cast.driver, cast.other_driver
    services.update_driver(dora, actor=cast.actor(), employee_number="E-7", phone="+525512345678")
    fleet_services.link_object(dario, actor=cast.actor(), system="erp", external_id="D-17")
    meant = (str(dora.pk), "E-7", dora.email.upper(), "+52 55 1234 5678", "erp:D-17")
    rows = [f"{who},driving_licence,LIC-{n},2020-01-31,2040-01-31" for n, who in enumerate(meant)]
    assert counts(taken(cast, *rows)) == (5, 0, 0)
    assert [paper.driver for paper in papers()] == [dora, dora, dora, dora, dario]
    [first, *_rest] = papers()
    assert (first.status, first.file, first.number_mask) == ("pending", None, "••••")
    assert [services.number_of(p, actor=cast.actor()) for p in papers()] == [
        f"LIC-{n}" for n in range(5)
    ]
    assert (str(first.issued_on), str(first.expires_on)) == ("2020-01-31", "2040-01-31")


def test_each_mistake_is_named_by_row_and_column_and_the_rest_is_taken(cast):
    good = f"{cast.driver.pk},driving_licence,LIC-1,2020-01-31,2040-01-31"
    made = taken(
        cast,
        good,
        f"{cast.foreign_driver.pk},driving_licence,LIC-2,2020-01-31,2040-01-31",
        "nobody,driving_licence,LIC-3,2020-01-31,2040-01-31",
        f"{cast.driver.pk},library_card,LIC-4,2020-01-31,2040-01-31",
        f"{cast.driver.pk},driving_licence,LIC-5,31.01.2020,2040-01-31",
        f"{cast.driver.pk},driving_licence,LIC-6,2020-01-31,2020-01-30",
        f"{cast.driver.pk},driving_licence,LIC-7,2001-01-31,2011-01-31",
        good,
    )
    assert counts(made) == (1, 0, 7)
    assert problems(made) == [
        (3, "driver", "object_not_found"),
        (4, "driver", "object_not_found"),
        (5, "kind", "invalid_choice"),
        (6, "issued_on", "invalid_date"),
        (7, "expires_on", "invalid_document_dates"),
        (8, "expires_on", "document_run_out"),
        (9, "", "document_known"),
    ]
    assert len(papers()) == 1


def test_a_dry_run_keeps_nothing_and_the_real_one_takes_it(cast):
    row = f"{cast.driver.pk},national_id,CURP-1,,"
    judged = taken(cast, row, dry_run=True)
    assert (counts(judged), papers()) == ((1, 0, 0), [])
    real = fleet_services.apply_import(judged, actor=cast.actor())
    import_runs.run_import(real.job_id)
    assert [paper.kind for paper in papers()] == ["national_id"]


def test_the_same_file_again_doubles_nothing_and_a_ref_corrects(cast):
    header = f"{HEADER},ref"
    row = f"{cast.driver.pk},driving_licence,LIC-1,2020-01-31,2040-01-31"
    assert counts(taken(cast, f"{row},tms:1", header=header)) == (1, 0, 0)
    later = row.replace("2040", "2041")
    assert counts(taken(cast, f"{later},tms:1", header=header)) == (0, 1, 0)
    assert counts(taken(cast, later)) == (0, 0, 1)
    [paper] = papers()
    assert str(paper.expires_on) == "2041-01-31"
    services.reject_document(paper, actor=cast.actor(), reason="another one's")
    assert counts(taken(cast, later)) == (1, 0, 0)


def test_whoever_may_not_hand_papers_in_may_not_by_file_either(cast):
    with pytest.raises(PermissionDenied):
        request(
            cast,
            f"{cast.driver.pk},national_id,CURP-1,,",
            actor=cast.actor().__class__("user", cast.accountant.pk, cast.a.pk),
        )


def test_an_import_that_was_broken_off_goes_on_where_it_was(cast, monkeypatch):
    rows = [f"{cast.driver.pk},driving_licence,LIC-{n},2020-01-31,2040-01-31" for n in range(60)]
    made = request(cast, *rows)

    def killed(point: str) -> None:
        if point == "fleets.import.chunk_done":
            raise SystemExit(point)

    with monkeypatch.context() as patched:
        patched.setattr(import_runs, "hit", killed)
        with pytest.raises(SystemExit):
            import_runs.run_import(made.job_id)
    assert 0 < len(papers()) < 60
    import_runs.run_import(made.job_id)
    numbers = {services.number_of(paper, actor=cast.actor()) for paper in papers()}
    assert (len(papers()), len(numbers)) == (60, 60)


def test_a_paper_without_a_file_is_judged_and_has_none_to_be_fetched(cast, api, client):
    taken(cast, f"{cast.driver.pk},driving_licence,LIC-004217,2020-01-31,2040-01-31")
    [paper] = papers()
    office = api(cast.dispatcher)
    shown = office.get(f"/api/v1/documents/{paper.pk}").json()
    assert (shown["file"], shown["number_mask"]) == (None, "•••• 217")
    assert office.get(f"/api/v1/documents/{paper.pk}/file").status_code == 404
    client.force_login(cast.dispatcher)
    page = client.get(f"/admin/drivers/driverdocument/{paper.pk}/change/").content.decode()
    assert "No file: read from another register." in page
    assert office.post(f"/api/v1/documents/{paper.pk}/approve").json()["status"] == "approved"


def test_two_papers_without_files_cannot_be_exchanged(cast):
    for number in ("LIC-1", "LIC-2"):
        hand_in(cast, cast.driver, number=number, file=None)
    first, second = papers()
    sealed = second.number_sealed
    DriverDocument.objects.unscoped().filter(pk=first.pk).update(number_sealed=sealed)
    first.refresh_from_db()
    with pytest.raises(Exception, match="cannot be read"):
        services.number_of(first, actor=cast.actor())
