"""What background work does for a suspended company: the table in docs/operations.md, kept by hand.

A task that is not in the table fails here. All work is set up for companies that are suspended
then: what the table lets go on has its effect, what waits has it once they are active again.
"""

import re
from functools import cache

import pytest

from fleets import services
from fleets.services import import_runs
from shifts.services import miss_due
from voltop.celery import app
from voltop.embedded.paths import CHECKOUT
from voltop.tests.effects import Stage, effects, own_tasks, rings_answered_here

HEADING = "## While a company is suspended"
CELLS = re.compile(r"^\| (`[^|]+`) \| (goes on|waits|asks no company) \| ([^|]+) \|$", re.MULTILINE)


@cache
def table():
    """Task -> what it does for a suspended company."""
    text = (CHECKOUT / "docs" / "operations.md").read_text()
    section = text.partition(HEADING)[2].partition("\n## ")[0]
    rows = [
        (task, what) for tasks, what, _why in CELLS.findall(section)
        for task in re.findall(r"`([^`]+)`", tasks)
    ]  # fmt: skip
    assert len(rows) == len(dict(rows)), "a task stands there twice"
    return dict(rows)


def waiting():
    return sorted(task for task, what in table().items() if what == "waits")


def test_the_table_has_every_task_and_no_other():
    assert sorted(own_tasks() - table().keys()) == [], "say in docs/operations.md what it does"
    assert sorted(table().keys() - own_tasks()) == [], "there is no such task any more"
    assert waiting() == ["fleets.run_imports", "shifts.miss_due"]


@pytest.fixture
def stage(cast, bank) -> Stage:
    return Stage(cast, bank)


def suspend(stage):
    for company in (stage.cast.a, stage.cast.b):
        company.refresh_from_db()
        services.suspend_provider(company, actor=stage.cast.platform, reason="unpaid")


def run(name, args, monkeypatch):
    with rings_answered_here(monkeypatch):
        done = app.tasks[name].apply(args=list(args))
        assert done.successful(), done.traceback


def judge(name, stage, monkeypatch):
    effect = effects()[name]
    args = effect.set_up(stage)
    before = effect.seen(stage)
    suspend(stage)
    run(name, args, monkeypatch)
    if table()[name] == "waits":
        assert effect.seen(stage) == before
        for company in (stage.cast.a, stage.cast.b):
            services.activate_provider(company, actor=stage.cast.platform)
        run(name, args, monkeypatch)
    assert effect.seen(stage) == effect.once


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", waiting())
def test_what_begins_something_waits_for_the_company(name, stage, monkeypatch):
    judge(name, stage, monkeypatch)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", sorted(own_tasks() - set(waiting())))
def test_what_ends_counts_or_pays_goes_on(name, stage, monkeypatch):
    judge(name, stage, monkeypatch)


@pytest.mark.django_db(transaction=True)
def test_an_import_stands_still_between_two_chunks(stage, monkeypatch):
    """Its rows are taken later; before, each was refused since its company was not active."""
    effect = effects()["fleets.run_imports"]
    effect.set_up(stage)
    monkeypatch.setattr(import_runs, "CHUNK_ROWS", 1)
    [job_id] = import_runs.DataImport.objects.unscoped().values_list("job_id", flat=True)
    import_runs.run_import(job_id, progress=lambda work, problems: suspend_once(stage))
    assert effect.seen(stage) == (1, [("running", 1, 0)])
    assert import_runs.run_imports() == 0
    services.activate_provider(stage.cast.a, actor=stage.cast.platform)
    assert import_runs.run_imports() == 1
    assert effect.seen(stage) == effect.once


def suspend_once(stage):
    stage.cast.a.refresh_from_db()
    if stage.cast.a.status == "active":
        services.suspend_provider(stage.cast.a, actor=stage.cast.platform, reason="unpaid")


@pytest.mark.django_db(transaction=True)
def test_one_companys_suspension_holds_up_nobody_else(stage):
    effect = effects()["shifts.miss_due"]
    effect.set_up(stage)
    services.suspend_provider(stage.cast.b, actor=stage.cast.platform, reason="unpaid")
    assert miss_due() >= 1
    assert effect.seen(stage) == effect.once
