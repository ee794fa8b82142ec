"""Starts, ends, losses: what becomes of tasks whose worker, broker or beat was away."""

from datetime import UTC, datetime, timedelta

import pytest
from celery.schedules import crontab
from django.test import Client

from voltop import clock, rings, runs
from voltop.celery import RecordedTask, app
from voltop.errors import NotFound
from voltop.tables import TaskState, WorkerBeat

pytestmark = pytest.mark.django_db

NIGHT = {"entry": {"task": "t.night", "schedule": crontab(hour=3, minute=20)}}


@pytest.fixture
def rung(monkeypatch):
    sent = []
    monkeypatch.setattr(rings, "ring_now", lambda task, *args: sent.append((task, list(args))))
    return sent


def begin(task="t.x", args=(), worker="w1", redelivered=False):
    return runs.begin(task, args, worker=worker, redelivered=redelivered)


def state(key="t.x"):
    return TaskState.objects.get(key=key)


def age(seconds, key="t.x"):
    started = TaskState.objects.filter(key=key)
    started.update(started_at=clock.now() - timedelta(seconds=seconds))


def seen(worker, seconds_ago=0):
    at = clock.now() - timedelta(seconds=seconds_ago)
    WorkerBeat.objects.update_or_create(name=worker, defaults={"seen_at": at})


def test_a_run_is_noted_with_its_result():
    run = begin(args=[7])
    assert state("t.x[7]").outcome == ""
    runs.end(run)
    noted = state("t.x[7]")
    assert (noted.task, noted.args, noted.outcome, noted.runs) == ("t.x", [7], "done", 1)
    assert noted.finished_at >= noted.started_at


@pytest.mark.parametrize(
    ("error", "code"), [(NotFound(), "not_found"), (ValueError("Ana's secret"), "ValueError")]
)
def test_a_failure_keeps_a_code_and_no_text(error, code):
    runs.end(begin(), error)
    assert (state().outcome, state().error, state().failures) == ("failed", code, 1)


def test_a_task_of_a_worker_that_lives_is_left_alone(rung):
    begin()
    age(3600)
    seen("w1")
    assert (runs.recover(), rung) == (0, [])


def test_a_task_whose_worker_fell_silent_is_rung_once(rung):
    begin(args=[7])
    age(60, "t.x[7]")
    seen("w1", seconds_ago=60)
    runs.recover()
    runs.recover()
    assert rung == [("t.x", [7])]
    assert state("t.x[7]").losses == 1
    runs.end(begin(args=[7], worker="w2"))
    assert state("t.x[7]").losses == 0


def test_a_ring_that_never_arrived_is_repeated_and_is_no_loss(rung):
    begin()
    for _ in range(5):
        age(60)
        runs.recover()
    assert rung == [("t.x", [])] * 5
    assert state().losses == 1


def test_a_task_that_takes_its_worker_down_is_stopped_after_three(rung):
    begin()
    assert begin(redelivered=True)
    assert begin(redelivered=True)
    assert begin(redelivered=True) is None
    stopped = state()
    assert (stopped.losses, stopped.outcome, stopped.error) == (3, "failed", "worker_lost")
    assert begin() is None, "a fresh ring does not run it either"
    assert stopped.runs == 3
    assert runs.recover() == 0


def test_losses_found_by_recovery_stop_a_task_too(rung):
    for _ in range(5):
        begin()
        age(60)
        runs.recover()
    assert len(rung) == 2
    assert state().resume_at is not None
    assert state().runs == 3


def test_a_neighbour_with_other_arguments_runs_on():
    begin(args=[1])
    for _ in range(3):
        begin(args=[1], redelivered=True)
    assert begin(args=[1]) is None
    assert begin(args=[2])


def test_a_stopped_task_has_one_more_try_after_a_while():
    begin()
    for _ in range(3):
        begin(redelivered=True)
    TaskState.objects.update(resume_at=clock.now() - timedelta(seconds=1))
    assert begin()
    assert begin(redelivered=True) is None, "one loss is enough now"
    TaskState.objects.update(resume_at=clock.now() - timedelta(seconds=1))
    runs.end(begin())
    assert (state().resume_at, state().losses, state().outcome) == (None, 0, "done")


def test_staff_let_a_stopped_task_run_again(cast, rung):
    begin(args=[7])
    for _ in range(3):
        begin(args=[7], redelivered=True)
    client = Client()
    client.force_login(cast.superuser, backend="fleets.backends.ProviderRoleBackend")
    page = client.get("/admin/voltop/taskstate/?scheduled=stopped")
    assert b"t.x[7]" in page.content
    chosen = {"action": "run_again", "_selected_action": [state("t.x[7]").pk]}
    client.post("/admin/voltop/taskstate/", chosen)
    assert rung == [("t.x", [7])]
    assert begin(args=[7])


def test_every_job_of_the_schedule_is_listed_with_last_run_next_run_and_result(cast):
    runs.register_schedule(app.conf.beat_schedule)
    runs.register_schedule(app.conf.beat_schedule)
    runs.end(begin("payments.daily"), ValueError())
    client = Client()
    client.force_login(cast.superuser, backend="fleets.backends.ProviderRoleBackend")
    page = client.get("/admin/voltop/taskstate/?scheduled=yes")
    shown = page.content.decode()
    for entry in app.conf.beat_schedule.values():
        assert f">{entry['task']}<" in shown, entry
    daily = state("payments.daily")
    admin_page = page.context["cl"].model_admin
    assert str(admin_page.state_label(daily)[1]) == "failed"
    due = admin_page.next_run(daily)
    assert due > clock.now()
    assert (due.hour, due.minute) == (4, 10)
    assert admin_page.next_run(state("voltop.recover")) >= clock.now() - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("now", "last_start", "is_late"),
    [
        ("2026-11-20T03:20:30", "2026-11-19T03:20:01", False),  # beat may just be ringing
        ("2026-11-20T03:21:30", "2026-11-19T03:20:01", True),
        ("2026-11-20T03:21:30", "2026-11-20T03:20:01", False),
        ("2026-11-20T03:19:00", "2026-11-19T03:20:01", False),
        ("2026-11-20T09:00:00", "2026-11-18T03:20:01", True),
        ("2026-11-20T10:00:00", "2026-11-18T03:20:01", False),  # so late that it waits
    ],
)
def test_a_missed_time_of_day_is_rung_late(now, last_start, is_late):
    started = datetime.fromisoformat(last_start).replace(tzinfo=UTC)
    TaskState.objects.create(key="t.night", task="t.night", started_at=started)
    late = runs.overdue(datetime.fromisoformat(now).replace(tzinfo=UTC), NIGHT)
    assert late.keys() == ({"t.night"} if is_late else set())


@pytest.mark.parametrize(
    ("last_start", "is_late"),
    [
        ("2026-11-20T03:00:00", False),
        ("2026-11-20T02:49:45", False),  # beat may just be ringing
        ("2026-11-20T02:48:30", True),
        ("2026-11-13T02:48:30", True),
        (None, True),  # known since long ago, never run
    ],
)
def test_an_interval_that_nothing_rang_for_is_rung_late(last_start, is_late):
    """Beat forgets with its file when it last rang; an hour would begin anew each time."""
    started = last_start and datetime.fromisoformat(last_start).replace(tzinfo=UTC)
    TaskState.objects.create(key="t.hourly", task="t.hourly", started_at=started)
    TaskState.objects.update(created_at=datetime(2026, 11, 13, tzinfo=UTC))
    hourly = {"x": {"task": "t.hourly", "schedule": 3600.0}}
    late = runs.overdue(datetime(2026, 11, 20, 3, 50, 30, tzinfo=UTC), hourly)
    assert late.keys() == ({"t.hourly"} if is_late else set())


def test_an_interval_that_is_new_in_the_schedule_is_rung_within_a_minute():
    runs.register_schedule({"x": {"task": "t.hourly", "schedule": 3600.0}})
    hourly = {"x": {"task": "t.hourly", "schedule": 3600.0}}
    assert not runs.overdue(clock.now() + timedelta(seconds=30), hourly)
    assert runs.overdue(clock.now() + timedelta(seconds=65), hourly)


def test_every_time_of_day_in_the_schedule_is_one_that_is_understood():
    """One hour and one minute a day: `runs.last_due` knows no more."""
    for name, entry in app.conf.beat_schedule.items():
        when = entry["schedule"]
        if isinstance(when, crontab):
            assert (len(when.hour), len(when.minute)) == (1, 1), name
            assert (len(when.day_of_week), len(when.day_of_month)) == (7, 31), name


def test_the_task_class_notes_runs_and_passes_on_errors():
    @app.task(name="tests.noted", shared=False)
    def noted(value):
        if value == 0:
            raise NotFound()
        return value

    try:
        assert isinstance(noted, RecordedTask)
        assert noted(5) == 5
        assert not TaskState.objects.exists(), "a plain call is no run"
        assert noted.apply(args=[5]).get() == 5
        assert state("tests.noted[5]").outcome == "done"
        assert noted.apply(args=[0]).failed()
        assert state("tests.noted[0]").error == "not_found"
    finally:
        app.tasks.pop("tests.noted")


def test_old_notes_of_single_tasks_are_forgotten():
    for key in ([1], [2], []):
        runs.end(begin(args=key))
    long_ago = clock.now() - timedelta(days=8)
    TaskState.objects.exclude(args=[2]).update(finished_at=long_ago, started_at=long_ago)
    assert runs.tidy() == 1
    assert set(TaskState.objects.values_list("key", flat=True)) == {"t.x[2]", "t.x"}


def test_the_settings_without_which_a_killed_worker_loses_work_are_on():
    conf = app.conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert conf.task_soft_time_limit < conf.task_time_limit
    transport = conf.broker_transport_options
    assert conf.task_time_limit < transport["visibility_timeout"] == conf.visibility_timeout
    assert (transport["unacked_restore_interval"], transport["unacked_restore_throttle"]) == (10, 1)
    assert conf.worker_soft_shutdown_timeout == 30
    assert conf.worker_enable_soft_shutdown_on_idle
    assert conf.result_backend is None
    assert type(app.backend).__name__ == "DisabledBackend"
    assert conf.task_ignore_result
    assert conf.timezone == "UTC"
    assert app.Task is RecordedTask or issubclass(app.Task, RecordedTask)
