"""No input gives a 500: `make fuzz`, and a short run of it in `make check`."""

import http.client
import json
import os
import time
from contextlib import closing

import pytest

from voltop.embedded.paths import CHECKOUT
from voltop.tests.embedded_instance import free_port
from voltop.tests.fuzz import Fuzz
from voltop.tests.real_processes import running, wait_until, web
from voltop.tests.world import World

REPORT = CHECKOUT / "build" / "fuzz.json"
SHARE = 0.6


def answers(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as line:
        try:
            line.request("GET", "/readyz")
            return line.getresponse().status == 200
        except OSError:
            return False


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.filterwarnings("default")
def test_no_input_gives_a_500(tmp_path):
    """`FUZZ_SECONDS` says how long, `FUZZ_SEED` repeats a run's choices."""
    seconds = float(os.environ.get("FUZZ_SECONDS", "60"))
    seed = int(os.environ.get("FUZZ_SEED", str(int(time.time()))))
    world, port = World().build(), free_port()
    server = web(tmp_path / "web.log", port, VOLTOP_DEMO="1")
    with running(server):
        wait_until(lambda: answers(port), within_s=120, meanwhile=server.still_lives)
        report = Fuzz(f"http://127.0.0.1:{port}", world, seconds, seed).run()
        server.still_lives()
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report))
    assert report["errors_5xx"] == 0, json.dumps(report["failures"], indent=1)
    assert report["not_in_the_one_shape"] == 0, json.dumps(report["strange"], indent=1)
    assert min(report["operations_2xx_share"].values()) >= SHARE, report["operations_2xx_share"]
