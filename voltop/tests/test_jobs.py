"""A scheduled run happens once however often it rings; a job's row tells the truth about it."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models.deletion import ProtectedError

from voltop import jobs, numbering
from voltop.context import Actor
from voltop.errors import IllegalMove
from voltop.jobs import Job, JobRun
from voltop.money import UnknownCurrency, exponent

DISPATCHER = Actor("user", 12, 3)
WORKER = Actor.system("imports.run", 3)


@pytest.mark.django_db
def test_a_run_is_claimed_once_for_each_job_provider_and_slot():
    slots = list(itertools.product(["a.b", "c.d"], ["2026-11-20", "2026-11-21"], [None, 1, 2]))
    assert [jobs.claim_run(*slot) for slot in slots] == [True] * len(slots)
    assert [jobs.claim_run(*slot) for slot in slots] == [False] * len(slots)
    assert JobRun.objects.count() == len(slots)


@pytest.mark.django_db(transaction=True)
def test_a_run_whose_work_was_rolled_back_can_be_claimed_again():
    with transaction.atomic():
        assert jobs.claim_run("a.b", "2026-11-20")
        transaction.set_rollback(True)
    with transaction.atomic():
        assert jobs.claim_run("a.b", "2026-11-20")


@pytest.mark.django_db(transaction=True)
def test_claiming_or_counting_outside_a_transaction_is_a_mistake():
    with pytest.raises(RuntimeError, match="transaction"):
        jobs.claim_run("a.b", "2026-11-20")
    with pytest.raises(RuntimeError, match="transaction"):
        jobs.advance(1, 1)


@pytest.mark.django_db(transaction=True)
def test_parallel_rings_run_once_and_wait_for_the_first_to_commit():
    barrier = threading.Barrier(8)

    def ring(n: int) -> bool:
        barrier.wait()
        try:
            with transaction.atomic():
                if not jobs.claim_run("payslips.send", "2026-W47", 3):
                    return numbering.Counter.objects.get(name="effect").last == 1
                numbering.next_number(3, "effect")
                return True
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        # Everyone who was refused already saw the winner's effect.
        assert all(pool.map(ring, range(8)))
    assert numbering.Counter.objects.get().last == 1


@pytest.mark.django_db(transaction=True)
def test_if_the_first_ring_fails_a_waiting_one_takes_over():
    claimed, go = threading.Event(), threading.Event()

    def first() -> None:
        with transaction.atomic():
            assert jobs.claim_run("a.b", "1")
            claimed.set()
            go.wait()
            transaction.set_rollback(True)
        connection.close()

    def second() -> bool:
        claimed.wait()
        threading.Timer(0.2, go.set).start()
        try:
            with transaction.atomic():
                return jobs.claim_run("a.b", "1")
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        pool.submit(first)
        assert pool.submit(second).result()


@pytest.mark.django_db
def test_a_job_goes_from_queued_through_progress_to_its_result():
    job = jobs.queue("drivers.import", actor=DISPATCHER, params={"file": "x"}, total=10)
    assert (job.provider_id, job.actor, job.state) == (3, "user:12", "queued")
    jobs.start(job.pk, actor=WORKER)
    jobs.advance(job.pk, 4)
    jobs.advance(job.pk, 6)
    jobs.finish(job.pk, actor=WORKER, result={"created": 9, "refused": 1})
    job.refresh_from_db()
    assert (job.state, job.done, job.total) == ("done", 10, 10)
    assert job.result == {"created": 9, "refused": 1}
    assert job.started_at <= job.finished_at
    moves = job.events.values_list("from_state", "to_state", "actor", "provider_id")
    assert list(moves) == [
        ("", "queued", "user:12", 3),
        ("queued", "running", "system:imports.run", 3),
        ("running", "done", "system:imports.run", 3),
    ]


@pytest.mark.django_db
def test_a_second_worker_goes_on_where_the_first_was_lost():
    job = jobs.queue("drivers.import", actor=DISPATCHER)
    first = jobs.start(job.pk, actor=WORKER, total=10)
    jobs.advance(job.pk, 4)
    again = jobs.start(job.pk, actor=WORKER, total=10)
    assert (again.state, again.done, again.total) == ("running", 4, 10)
    assert again.started_at == first.started_at
    assert job.events.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("currency", ["EUR", "XXX"])
def test_a_failed_job_keeps_the_code_and_no_foreign_text(currency):
    job = jobs.queue("x", actor=Actor.system("platform"))
    try:
        raise RuntimeError(f"driver Ana Example {exponent(currency)}")
    except (RuntimeError, UnknownCurrency) as error:
        jobs.fail(job.pk, actor=WORKER, error=error)
    job.refresh_from_db()
    expected = {
        "EUR": ("unexpected", "RuntimeError"),
        "XXX": ("unknown_currency", str(UnknownCurrency.message)),
    }
    assert (job.error_code, job.error_detail) == expected[currency]
    assert (job.state, job.provider_id) == ("failed", None)


STEPS = {
    "start": lambda job: jobs.start(job.pk, actor=WORKER),
    "finish": lambda job: jobs.finish(job.pk, actor=WORKER),
    "fail": lambda job: jobs.fail(job.pk, actor=WORKER, error=ValueError()),
}
WAYS = {
    "queued": [],
    "running": ["start"],
    "done": ["start", "finish"],
    "failed": ["fail"],
}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "step", "expected"),
    [
        ("queued", "start", "running"),
        ("queued", "finish", None),
        ("queued", "fail", "failed"),
        ("running", "start", "running"),
        ("running", "finish", "done"),
        ("running", "fail", "failed"),
        ("done", "start", None),
        ("done", "finish", None),
        ("done", "fail", None),
        ("failed", "start", None),
        ("failed", "finish", None),
        ("failed", "fail", None),
    ],
)
def test_every_move_of_a_job(state, step, expected):
    job = jobs.queue("x", actor=DISPATCHER)
    for name in WAYS[state]:
        STEPS[name](job)
    if expected is None:
        with pytest.raises(IllegalMove):
            STEPS[step](job)
    else:
        STEPS[step](job)
    job.refresh_from_db()
    assert job.state == (expected or state)


@pytest.mark.django_db
def test_progress_of_a_job_that_is_over_is_not_counted():
    job = jobs.queue("x", actor=DISPATCHER, total=5)
    jobs.advance(job.pk, 1)
    jobs.start(job.pk, actor=WORKER)
    jobs.finish(job.pk, actor=WORKER)
    jobs.advance(job.pk, 1)
    job.refresh_from_db()
    assert job.done == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"state": "done"}, "job_finished_at_matches_state"),
        ({"finished_at": "2026-01-01T00:00Z"}, "job_finished_at_matches_state"),
        ({"error_code": "x"}, "job_error_only_if_failed"),
        ({"done": 6}, "job_done_within_total"),
        ({"done": -1}, "job_done_within_total"),
    ],
)
def test_the_database_refuses_a_job_that_contradicts_itself(change, constraint):
    jobs.queue("x", actor=DISPATCHER, total=5)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Job.objects.update(**change)


@pytest.mark.django_db
def test_a_job_with_a_timeline_cannot_be_deleted():
    job = jobs.queue("x", actor=DISPATCHER)
    with pytest.raises(ProtectedError):
        job.delete()
    with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
        job.events.all().delete()


# --- Work in units -------------------------------------------------------------------------------
def units(done):
    return {"units": done.done}


@pytest.mark.django_db(transaction=True)
def test_a_job_is_done_unit_by_unit_and_goes_on_where_the_time_was_up():
    job = jobs.queue("t.units", actor=WORKER, total=3)
    assert jobs.work_through("t.units", one_more, result=units, budget_s=0) == 1
    assert jobs.work_through("t.units", one_more, result=units, budget_s=60) == 2
    job.refresh_from_db()
    assert (job.state, job.done, job.result) == ("done", 3, {"units": 3})
    assert jobs.work_through("t.units", one_more, result=units, budget_s=60) == 0


@pytest.mark.django_db(transaction=True)
def test_a_unit_that_goes_wrong_keeps_no_other_from_being_done_and_is_told():
    some = jobs.queue("t.units", actor=WORKER, total=4, params={"wrong": [1, 3]})
    right = jobs.queue("t.units", actor=WORKER, total=1)
    assert jobs.work_through("t.units", one_more, result=units, budget_s=60) == 3
    states = Job.objects.filter(pk__in=(some.pk, right.pk)).order_by("pk")
    told = list(states.values_list("state", "done", "error_code", "error_detail"))
    assert told == [("failed", 4, "unexpected", "ValueError"), ("done", 1, "", "")]
    some.refresh_from_db()
    assert [(each["unit"], each["code"]) for each in jobs.failures(some)] == [
        (1, "unexpected"),
        (3, "unexpected"),
    ]
    assert some.result["units"] == 4
    assert some.events.latest("id").reason == "unexpected"


@pytest.mark.django_db(transaction=True)
def test_a_job_of_which_everything_goes_wrong_is_not_tried_to_its_end():
    job = jobs.queue("t.units", actor=WORKER, total=200, params={"wrong": list(range(200))})
    assert jobs.work_through("t.units", one_more, result=units, budget_s=60) == 0
    job.refresh_from_db()
    assert (job.state, job.done, len(jobs.failures(job))) == ("failed", 100, 100)


@pytest.mark.django_db(transaction=True)
def test_a_job_whose_end_goes_wrong_has_failed():
    job = jobs.queue("t.units", actor=WORKER, total=1)

    def no_result(job):
        raise RuntimeError

    assert jobs.work_through("t.units", one_more, result=no_result, budget_s=60) == 1
    job.refresh_from_db()
    assert (job.state, job.done) == ("failed", 1)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_goes_away_ends_no_job():
    job = jobs.queue("t.units", actor=WORKER, total=1)

    def shot(work):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(OperationalError):
        jobs.work_through("t.units", shot, result=units, budget_s=60)
    connection.close()
    assert jobs.work_through("t.units", one_more, result=units, budget_s=60) == 1
    job.refresh_from_db()
    assert job.state == "done"


def one_more(job):
    if job.done in job.params.get("wrong", ()):
        raise ValueError("what it says is of a person")
    jobs.advance(job.pk, 1)
