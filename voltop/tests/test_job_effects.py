"""Every task of every app, run twice, at once, and with its rings answered: its effect is once.

The tasks are those that the app registers, so a new one fails here until its effect is listed in
`<app>/tests/effects_of_tasks.py`. With real workers that are killed: `test_job_kills.py`.
"""

import pytest

from voltop.celery import app
from voltop.tests.effects import Stage, effects, own_tasks, rings_answered_here
from voltop.tests.parallel import at_once

TASKS = sorted(own_tasks())
AT_ONCE = 3


def test_every_task_and_every_entry_of_the_schedule_has_an_effect():
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled <= set(TASKS)
    assert sorted(set(TASKS) - effects().keys()) == [], "tell what it does in effects_of_tasks.py"
    assert sorted(effects().keys() - set(TASKS)) == [], "there is no such task any more"


@pytest.fixture
def stage(cast, bank) -> Stage:
    return Stage(cast, bank)


@pytest.mark.django_db(transaction=True)
def test_all_effects_stand_in_one_database(stage):
    for _name, effect in sorted(effects().items()):
        effect.set_up(stage)
    assert [name for name, effect in effects().items() if effect.seen(stage) == effect.once] == []


def run(name, args):
    done = app.tasks[name].apply(args=list(args))
    assert done.successful(), done.traceback


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", TASKS)
def test_run_twice_it_happens_once(name, stage, monkeypatch):
    effect = effects()[name]
    args = effect.set_up(stage)
    assert effect.seen(stage) != effect.once, "there was nothing to do"
    with rings_answered_here(monkeypatch):
        run(name, args)
        assert effect.seen(stage) == effect.once
        run(name, args)
    assert effect.seen(stage) == effect.once


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", TASKS)
def test_run_at_once_it_happens_once(name, stage, monkeypatch):
    effect = effects()[name]
    args = effect.set_up(stage)
    with rings_answered_here(monkeypatch):
        results = at_once([lambda: run(name, args)] * AT_ONCE)
        assert [result for result in results if result is not None] == []
        run(name, args)  # what one left to another that had it in hand
    assert effect.seen(stage) == effect.once
