import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from benchmarks.ingest.traffic import Shape, Traffic
from benchmarks.report import Section, Target, last_line
from benchmarks.server import granian, uvicorn, web_command
from voltop.embedded.paths import CHECKOUT

START = datetime(2026, 3, 2, tzinfo=UTC)


def keys(traffic, batches):
    bodies = traffic.bodies()
    items = [json.loads(next(bodies)())["samples"] for _ in range(batches)]
    return [[(item["vehicle"], item["recorded_at"]) for item in batch] for batch in items]


def test_every_sample_of_the_traffic_is_new():
    found = keys(Traffic(list(range(1, 101)), START), 20)
    assert {len(batch) for batch in found} == {500}
    assert len({key for batch in found for key in batch}) == 20 * 500


def test_repeated_traffic_repeats_what_it_says_in_the_same_words():
    traffic = Traffic(list(range(1, 51)), START, Shape(), repeated=0.3)
    bodies = traffic.bodies()
    words = {}
    for _ in range(40):
        for item in json.loads(next(bodies)())["samples"]:
            words.setdefault((item["vehicle"], item["recorded_at"]), []).append(json.dumps(item))
    sent = sum(len(said) for said in words.values())
    assert sent == 40 * 500
    assert all(len(set(said)) == 1 for said in words.values())
    assert len(words) / sent == pytest.approx(0.7, abs=0.01)


def test_baselines_are_served_like_the_product():
    web = web_command()
    assert web[-1] == "voltop.wsgi:application"
    assert granian("a:b")[:-1] == web[:-1]
    workers = web[web.index("--workers") + 1]
    assert uvicorn("a:b")[1:3] == ["--workers", workers]
    assert "--blocking-threads" not in granian("a:b", interface="asgi")


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (Target("r", "b", 1.5, at_least=1.5), True),
        (Target("r", "b", 1.49, at_least=1.5), False),
        (Target("r", "b", 4.0, at_most=4), True),
        (Target("r", "b", 4.1, at_most=4), False),
        (Target("r", "b", 9.0, at_least=1.5, void="noise"), None),
    ],
)
def test_the_last_line_is_well_only_when_every_target_is_met(target, met):
    assert target.met is met
    line, well = last_line([Section("r", "R", "", [Target("r", "a", 2, at_least=1), target])])
    assert well is (met is True)
    assert json.loads(line)["bench"] == ("met" if well else "not met")


def test_nothing_measured_and_anything_lost_are_not_well():
    assert not last_line([Section("r", "R", "", [])])[1]
    lost = Section("r", "R", "", [Target("r", "a", 2, at_least=1)], ["1 lost"])
    assert not last_line([lost])[1]


@pytest.mark.slow
@pytest.mark.parametrize(("row", "ratios"), [("fanout", 2), ("ingest", 8)])
def test_every_program_starts_and_loses_nothing_that_it_took(row, ratios):
    """Every socket hears every message, every acknowledged sample is stored. Speed is not asked
    for here: the machine that runs tests is busy.
    """
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", row, "--rounds=1", "--seconds=0.3", "--dry"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode in (0, 1), run.stderr[-3000:]
    assert run.stdout, run.stderr[-3000:]
    line = json.loads(run.stdout.splitlines()[-1])
    assert line["wrong"] == [], run.stderr[-3000:]
    assert len(line["ratios"]) == ratios
    assert all(ratio > 0 for ratio in line["ratios"].values())
