"""Files of samples: named mappings, progress, going on after a broken run."""

import gzip
import io

import pytest
from django.core.management import CommandError, call_command

from telemetry import services
from telemetry.errors import ImportRunning, UnknownMapping
from telemetry.models import IngestBatch, TelemetryImport
from telemetry.services import imports
from telemetry.tests.world import HELD_FROM, NOW, stored
from voltop.context import Actor
from voltop.errors import NotFound
from voltop.tabular import MissingColumns

HEADER = "timestamp,cab,latitude,longitude,occupied\n"
START = 1_772_438_400  # 2026-03-02 08:00 UTC
ACTOR = Actor.system("tests")


@pytest.fixture
def fitted(fleet):
    """The car carries tracker "alpha"."""
    services.fit_device(
        fleet.source,
        actor=fleet.cast.actor(),
        external_id="alpha",
        vehicle=fleet.car,
        starts_at=HELD_FROM,
    )
    return fleet


@pytest.fixture
def file(tmp_path):
    def write(*rows, name="cabs.csv.gz"):
        path = tmp_path / name
        text = HEADER + "".join(f"{row}\n" for row in rows)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
        return path

    return write


def rows(count, first=0):
    return [f"{START + 60 * n},alpha,37.7{n % 10},-122.4,{n % 2}" for n in range(first, count)]


def run(fleet, path, **kwargs):
    return services.import_file(fleet.source, path, mapping="cabs", actor=ACTOR, at=NOW, **kwargs)


def counts(done):
    return (
        done.rows_done,
        done.accepted_count,
        done.duplicate_count,
        done.quarantined_count,
        done.rejected_count,
    )


def test_rows_become_samples_of_the_fitted_vehicle(fitted, file):
    done = run(fitted, file(*rows(3)))
    assert counts(done) == (3, 3, 0, 0, 0)
    assert done.finished_at == NOW
    found = stored("vehicle_id, extract(epoch FROM recorded_at)::int, latitude_e7, occupied")
    assert found == [
        (fitted.car.pk, START, 377_000_000, False),
        (fitted.car.pk, START + 60, 377_100_000, True),
        (fitted.car.pk, START + 120, 377_200_000, False),
    ]


def test_a_finished_file_is_not_read_again(fitted, file):
    path = file(*rows(3))
    first = run(fitted, path)
    assert run(fitted, path).pk == first.pk
    assert IngestBatch.objects.count() == 1


def test_bad_rows_are_counted_and_named_by_their_number(fitted, file):
    seen = []
    done = run(
        fitted,
        file(
            f"{START},alpha,91,0,1",
            f"{START},alpha,north,0,1",
            "soon,alpha,1,1,1",
            f"{START},alpha,1,1,maybe",
            f"{START},alpha,1",
            f"{START},,1,1,1",
            f"{START},unknown,1,1,1",
            f"{START},alpha,,,",
        ),
        progress=lambda _, refused: seen.extend((r.ref, r.error.code) for r in refused),
    )
    assert counts(done) == (8, 1, 0, 1, 6)
    assert seen == [
        (2, "out_of_range"),
        (3, "invalid_number"),
        (4, "invalid_datetime"),
        (5, "boolean_expected"),
        (7, "vehicle_required"),
    ]


def test_a_broken_run_goes_on_where_it_stopped(fitted, file, monkeypatch):
    monkeypatch.setattr(imports, "MAX_SAMPLES", 4)
    path = file(*rows(10))

    def break_at(done, refused):
        if done.rows_done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(fitted, path, progress=break_at)
    assert counts(TelemetryImport.objects.get())[:2] == (8, 8)
    done = run(fitted, path)
    assert counts(done) == (10, 10, 0, 0, 0)
    assert len(stored()) == 10


def test_the_same_samples_in_another_file_are_duplicates(fitted, file):
    run(fitted, file(*rows(5)))
    done = run(fitted, file(*rows(7), name="more.csv"))
    assert counts(done) == (7, 2, 5, 0, 0)


def test_a_file_without_the_mappings_columns_is_refused(fitted, tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("time,car\n1,2\n")
    with pytest.raises(MissingColumns):
        run(fitted, path)


def test_mappings_are_known_by_name(fitted, file):
    with pytest.raises(UnknownMapping):
        services.import_file(fitted.source, file(), mapping="nonsense", actor=ACTOR)


def test_nobody_imports_into_another_companys_source(fitted, file):
    actor = fitted.cast.actor(fitted.cast.b)
    with pytest.raises(NotFound):
        services.import_file(fitted.source, file(), mapping="cabs", actor=actor)


def test_one_process_reads_a_file_at_a_time(fitted, file):
    import psycopg
    from django.db import connection

    path = file(*rows(1))
    known = imports._start(fitted.source, path, "cabs")
    params = connection.get_connection_params()
    params.pop("cursor_factory")
    params.pop("context")
    with psycopg.connect(**params) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [imports._LOCK_SPACE + known.pk])
        with pytest.raises(ImportRunning):
            run(fitted, path)


def test_the_command_tells_what_it_did(fitted, file):
    out = io.StringIO()
    path = str(file(*rows(3)))
    run(fitted, file(*rows(1), name="first.csv"))  # makes the source
    call_command("import_telemetry", path, source="trackers", mapping="cabs", stdout=out)
    assert out.getvalue().startswith(
        "rows 3, accepted 2, duplicates 1, quarantined 0, rejected 0 in "
    )
    with pytest.raises(CommandError, match="no such source"):
        call_command("import_telemetry", path, source="nobody")
    fitted.new_source("trackers", fitted.cast.b)
    with pytest.raises(CommandError, match="several sources"):
        call_command("import_telemetry", path, source="trackers")
    with pytest.raises(CommandError, match="no such file"):
        call_command("import_telemetry", "/nowhere.csv", source="trackers")
