"""The main job's demonstration: it goes round nothing, it recomputes by itself, it runs."""

import ast
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from voltop.demo import charging, checks, fixes, pay, recompute
from voltop.demo.charging import Session, first_full_week, read_sessions
from voltop.demo.run import Cab, Run
from voltop.embedded.paths import CHECKOUT

FOLDER = CHECKOUT / "voltop" / "demo"
APPS = {
    "fleets",
    "drivers",
    "vehicles",
    "chat",
    "telemetry",
    "shifts",
    "reservations",
    "payments",
}
KERNEL = ("voltop.models", "voltop.jobs", "voltop.outbox", "voltop.numbering", "voltop.registry")
MAX_LINES_OF_RECOMPUTE = 100


def imported(path: Path) -> set[str]:
    """The full names of the modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_the_demo_goes_through_the_api_and_the_commands_only():
    ways_round = (
        *APPS,
        "psycopg",
        "sqlite3",
        "django.db",
        "django.apps",
        "django.contrib",
        *KERNEL,
    )
    checked = 0
    for path in sorted(FOLDER.rglob("*.py")):
        found = {
            name
            for name in imported(path)
            for way in ways_round
            if name == way or name.startswith(f"{way}.")
        }
        if path.name == Path(checks.__file__).name:
            found = {name for name in found if name.partition(".")[0] != "psycopg"}
        assert not found, f"{path.name} imports {found}"
        checked += 1
    assert checked >= 8


def test_the_recomputation_is_a_short_program_of_its_own():
    path = Path(recompute.__file__)
    assert len(path.read_text().splitlines()) <= MAX_LINES_OF_RECOMPUTE
    roots = {name.partition(".")[0] for name in imported(path)}
    assert roots <= set(sys.stdlib_module_names)


def recomputed(**changed: object) -> dict[str, object]:
    """The recomputation as a process, of one driver's Monday: 2 runs, 2 hours, in UTC."""
    facts = {
        "runs": [
            {"driver": 7, "km": "10.000000", "gap_km": "0.000000", "cash": False},
            {"driver": 7, "km": "3.000000", "gap_km": "1.000000", "cash": True},
        ],
        "shifts": [
            {
                "driver": 7,
                "starts_at": "2008-05-19T08:00:00Z",
                "ends_at": "2008-05-19T10:00:00Z",
            }
        ],
        "adjustments": [],
        "tariff": {"flag": "3.00", "per_km": "2.00"},
        "plan": {
            "share_pct": "50",
            "guarantee_per_h": "5.00",
            "rent_per_work_day": "4.00",
            "cap_pct": 25,
        },
        "time_zone": "UTC",
        **changed,
    }
    done = subprocess.run(
        [sys.executable, "-I", recompute.__file__],
        input=json.dumps(facts),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_recomputed_pay_is_share_less_rent_up_to_the_cap_less_cash():
    # Fares 23 and 11, half is 17; a quarter of it covers the rent of 4; 11 are held in cash.
    assert recomputed() == {"total": "2.00", "cents": {"7": 200}}


def test_recomputed_pay_is_at_least_the_guarantee():
    plan = {
        "share_pct": "50",
        "guarantee_per_h": "20.00",
        "rent_per_work_day": "40.00",
        "cap_pct": 25,
    }
    # 2 hours at 20 are 40; of the rent of 40 only 10 may be taken; 11 are held in cash.
    assert recomputed(plan=plan)["total"] == "19.00"


def test_recomputed_pay_never_falls_below_zero():
    damage = {"driver": 7, "kind": "damage", "amount": "500.00"}
    runs = [{"driver": 7, "km": "20.0", "gap_km": "0", "cash": True}]
    assert recomputed(runs=runs, adjustments=[damage])["total"] == "0.00"


def test_a_generated_day_has_the_form_of_a_recorded_one(tmp_path):
    path = tmp_path / fixes.FILE
    fixes.generate(path, cabs=3)
    day = fixes.look_through(path)
    rows = list(fixes.read(path))
    assert (day.rows, len(day.cabs)) == (len(rows), 3)
    standing = [fix for fix in rows if fix.cab == "cab002"]
    assert len({fix[2:] for fix in standing}) == 1
    assert not standing[0].occupied
    assert day.week == (date(2008, 5, 12), date(2008, 5, 19))
    assert rows == sorted(rows)
    assert {fix.occupied for fix in rows} == {True, False}
    assert len({(fix.cab, fix.timestamp) for fix in rows}) == len(rows)


def test_the_first_full_week_is_whole_and_busy_enough(tmp_path):
    path = tmp_path / charging.FILE
    charging.generate(path)
    sessions = list(read_sessions(path))
    assert first_full_week(sessions) == date(2021, 8, 23)
    few = [s for s in sessions if s.starts_at.date() >= date(2021, 8, 28)]
    assert first_full_week(few) == date(2021, 8, 30)
    assert first_full_week(sessions[:12]) is None


def test_a_session_knows_its_plug_and_energy(tmp_path):
    path = tmp_path / "sessions.csv"
    path.write_text(
        "starttime;stoptime;watthour;connectorid\n"
        "2021-08-20T08:58:06+00:00;2021-08-20T08:59:32+00:00;120;2\n"
    )
    [session] = read_sessions(path)
    assert isinstance(session, Session)
    assert (session.energy_wh, session.plug) == (120, "2")
    assert (session.ends_at - session.starts_at).total_seconds() == 86


class Asked:
    """An API that knows what some drivers have: (path, driver) to a number of rows."""

    def __init__(self, holdings):
        self.holdings = holdings

    def get(self, path, driver):
        return {"results": [{}] * self.holdings.get((path, driver), 0)}


def failures_of_idle(paid, worked, **holdings):
    run = Run(None, None, None, Asked({(path, 3): n for path, n in holdings.items()}))
    run.cabs = {str(driver): Cab(driver, driver) for driver in (1, 2, 3)}
    run.facts["payments"] = [{"driver": driver} for driver in paid]
    run.report["payments"] = {}
    pay._tell_who_is_idle(run, worked)
    return run.report["payments"]["idle"], run.failures


def test_a_driver_with_nothing_is_idle_and_has_no_payment():
    assert failures_of_idle([1, 2], {1, 2}) == (1, [])


@pytest.mark.parametrize(
    ("paid", "worked", "holdings", "failure"),
    [
        ([1], {1, 2}, {}, "drivers who worked and have no payment: [2]"),
        ([1, 2, 3], {1, 2}, {}, "drivers paid for nothing: [3]"),
        ([1, 2, 2], {1, 2}, {}, "1 second payments"),
        ([1, 2], {1, 2}, {"shifts": 1}, "drivers without a payment who have something: [3]"),
        ([1, 2], {1, 2}, {"adjustments": 2}, "drivers without a payment who have something: [3]"),
    ],
)
def test_a_payment_too_few_or_too_many_is_a_failure(paid, worked, holdings, failure):
    assert failures_of_idle(paid, worked, **holdings) == (3 - len(worked), [failure])


@pytest.mark.slow
def test_the_main_job_holds_on_a_generated_day(tmp_path):
    data, out = tmp_path / "nothing", tmp_path / "report.json"
    data.mkdir()
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--data", str(data), "--out", str(out)],
        cwd=CHECKOUT,
        env={name: value for name, value in os.environ.items() if name != "VOLTOP_HOME"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    report = json.loads(out.read_text())
    assert report["failures"] == []
    assert report["data"]["generated"] == ["fleet", "sessions"]
    assert report["samples"]["stored"] == report["samples"]["accepted"] > 4_000
    payments, payouts = report["payments"], report["payouts"]
    assert payments["total"] == payments["recomputed"]
    assert (payments["drivers"], payments["idle"], report["vehicles"]) == (11, 1, 12)
    ends = payouts["confirmed"] + payouts["failed"] + payments["carried"] + payments["exceptions"]
    assert ends == payments["drivers"]
    assert report["reservations"]["booked"] == report["reservations"]["refused"] > 0
