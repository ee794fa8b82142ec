"""Every task with real workers: killed before and after the work, all of Redis wiped, three beats.

The oracle is each task's effect (`<app>/tests/effects_of_tasks.py`): once, within 90 seconds of
the last fault.
"""

import json
from pathlib import Path

import pytest
from celery.schedules import crontab

from voltop import runs
from voltop.celery import app
from voltop.tables import TaskState, WorkerBeat
from voltop.tests.effects import Stage, effects
from voltop.tests.real_processes import beat, running, wait_until, wipe_redis, worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

RECOVERED_S = 90
GIVE_UP_S = 600
"""Until every process was killed as often as the test wants: nothing is promised about that."""
RESTARTED_S = 15
"""How long it takes until a supervisor has a killed worker back in service on a busy machine."""


@pytest.fixture
def stage(cast, bank) -> Stage:
    wipe_redis()
    yield Stage(cast, bank)
    wipe_redis()


@pytest.fixture
def allowed(bank) -> dict[str, str]:
    return {
        "VOLTOP_OUTBOUND_ALLOWED": bank.url.removeprefix("http://"),
        "VOLTOP_BANK_TIMEOUT_S": "2",
    }


def set_up_everything(stage: Stage) -> dict[str, list]:
    return {name: list(effect.set_up(stage)) for name, effect in sorted(effects().items())}


def undone(stage: Stage) -> dict[str, object]:
    return {
        name: seen
        for name, effect in effects().items()
        if (seen := effect.seen(stage)) != effect.once
    }


def send_all(work: dict[str, list]) -> None:
    for name, args in work.items():
        app.send_task(name, args=args)


def ring_the_schedule() -> None:
    """Times of day do not come by in a test: their tasks are rung as beat would."""
    for entry in app.conf.beat_schedule.values():
        if isinstance(entry["schedule"], crontab):
            app.send_task(entry["task"])


def settled(stage: Stage, log: Path, within_s: float, meanwhile=lambda: None) -> float:
    try:
        return wait_until(lambda: not undone(stage), within_s=within_s, meanwhile=meanwhile)
    except AssertionError:
        states = list(TaskState.objects.values_list("key", "worker", "outcome", "error", "losses"))
        raise AssertionError(f"{undone(stage)}\n{states}\n{log.read_text()[-5000:]}") from None


def test_a_killed_pool_process_loses_nothing_and_repeats_nothing(stage, allowed, tmp_path):
    """Each task's process dies before its work, and again after it, before the broker knows."""
    work = set_up_everything(stage)
    assert undone(stage).keys() == effects().keys()
    marks = tmp_path / "kills"
    marks.mkdir()
    log = tmp_path / "worker.log"
    send_all(work)
    killer = worker(
        log, "-c", "3", app="voltop.tests.killing", VOLTOP_KILLS=str(marks), VOLTOP_KILL="child",
        **allowed,
    )  # fmt: skip
    with running(killer, beat(tmp_path / "beat.log", tmp_path / "schedule")):

        def all_killed() -> bool:
            return len(list(marks.iterdir())) >= 2 * len(effects())

        wait_until(all_killed, within_s=GIVE_UP_S, meanwhile=killer.still_lives)
        recovered_s = settled(stage, log, RECOVERED_S, killer.still_lives)
        assert killer.lives
    report("child", recovered_s, len(effects()))


def test_killed_workers_wiped_redis_and_three_beats_change_nothing(stage, allowed, tmp_path):
    """Whole workers are killed with tasks in hand, Redis loses all it has, beats ring in threes."""
    work = set_up_everything(stage)
    marks = tmp_path / "kills"
    marks.mkdir()
    log = tmp_path / "worker.log"
    killer = worker(
        log, "-c", "8", app="voltop.tests.killing", VOLTOP_KILLS=str(marks), VOLTOP_KILL="worker",
        **allowed,
    )  # fmt: skip
    beats = [beat(tmp_path / "beat.log", tmp_path / f"schedule{n}") for n in range(3)]
    send_all(work)
    wipe_redis()  # nothing of that ever arrives
    ring_the_schedule()
    with running(killer, *beats):

        def revive() -> None:
            if not killer.lives:
                killer.start()

        wait_until(
            lambda: len(list(marks.iterdir())) >= len(effects()),
            within_s=GIVE_UP_S,
            meanwhile=revive,
        )
        wipe_redis()
        recovered_s = settled(stage, log, RECOVERED_S + RESTARTED_S, meanwhile=revive)
    report("worker", recovered_s, len(effects()))


def report(how: str, recovered_s: float, tasks: int) -> None:
    print("\n" + json.dumps({"killed": how, "tasks": tasks, "recovered_s": round(recovered_s, 1)}))


def test_a_poison_task_stops_after_three_and_its_neighbours_go_on(stage, allowed, tmp_path):
    poison, neighbour = runs.RECOVER_TASK, "fleets.forget_expired"
    effect = effects()[neighbour]
    effect.set_up(stage)
    log = tmp_path / "worker.log"
    deadly = worker(log, "-c", "2", app="voltop.tests.killing", VOLTOP_POISON=poison, **allowed)
    app.send_task(poison)
    with running(deadly):
        wait_until(
            lambda: TaskState.objects.filter(key=poison, resume_at__isnull=False).exists(),
            within_s=GIVE_UP_S,
            meanwhile=deadly.still_lives,
        )
        app.send_task(neighbour)
        app.send_task(poison)
        wait_until(
            lambda: effect.seen(stage) == effect.once, within_s=60, meanwhile=deadly.still_lives
        )
        assert deadly.lives
    stopped = TaskState.objects.get(key=poison)
    assert (stopped.runs, stopped.losses, stopped.error) == (3, 3, "worker_lost")


def test_a_worker_says_that_it_lives_and_stops_when_asked(stage, allowed, tmp_path):
    """SIGTERM: what is in hand is finished, then it ends by itself."""
    log = tmp_path / "worker.log"
    polite = worker(log, "-c", "1", app="voltop.tests.killing", **allowed)
    with running(polite):
        wait_until(lambda: WorkerBeat.objects.exists(), within_s=60, meanwhile=polite.still_lives)
        app.send_task("tests.slow", args=[4])
        wait_until(
            lambda: TaskState.objects.filter(key="tests.slow[4]").exists(),
            within_s=60,
            meanwhile=polite.still_lives,
        )
        assert polite.stop() == 0
    state = TaskState.objects.get(key="tests.slow[4]")
    assert state.outcome == "done"
