"""The ten steps of docs/api.md work as they stand, in a shell, against a running server."""

import os
import re
import shutil
import subprocess

import pytest

from voltop.demo.companies import PASSWORD
from voltop.embedded.paths import CHECKOUT
from voltop.tests.cast import Cast

GUIDE = CHECKOUT / "docs" / "api.md"
BASE = "http://127.0.0.1:8000"
NOTING = 'curl() { command curl -w "%{stderr}status=%{http_code}\\n" "$@"; }\n'


def script():
    return "".join(re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL))


@pytest.fixture
def alba(committed_db):
    """The guide's company: its owner as the demo has her, and a car."""
    cast = Cast()
    owner = cast.person(cast.a, "owner")
    owner.email = "owner@alba.example"
    owner.set_password(PASSWORD)
    owner.save()
    assert cast.vehicle.pk
    return cast


@pytest.mark.skipif(shutil.which("curl") is None, reason="the guide is written for curl")
def test_every_step_answers_as_the_guide_says(alba, live_server, tmp_path):
    text = script()
    expected = re.findall(r"^# (\d{3})", text, re.MULTILINE)
    assert len(expected) > 20
    assert text.count(BASE) == 1
    done = subprocess.run(
        ["bash", "-euc", NOTING + text.replace(BASE, live_server.url)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        check=False,
    )
    assert re.findall(r"^status=(\d+)$", done.stderr, re.MULTILINE) == expected, done.stdout
    assert done.returncode == 0, done.stderr
    assert "Idempotent-Replayed: true" in done.stdout
    assert "unknown_field" in done.stdout
