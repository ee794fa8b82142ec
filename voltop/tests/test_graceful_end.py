"""SIGTERM: the web server answers every request that it has taken on, then ends.

Workers: `test_job_kills.py`.
"""

import http.client
import json
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from django.db import transaction

from fleets.models import Depot
from fleets.services import auth
from voltop.tests.cast import PASSWORD, Cast
from voltop.tests.embedded_instance import free_port
from voltop.tests.parallel import waiting_for_us
from voltop.tests.real_processes import running, wait_until, web
from voltop.tests.test_postgres_restarts import answers

AT_ONCE = 8
"""As many as one of the image's two web processes has threads for."""


def renamed(port: int, token: str, depot: int) -> int:
    """Rename a depot over a connection of its own; the answer's status."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as line:
        path, body = f"/api/v1/depots/{depot}", json.dumps({"name": f"Renamed {depot}"})
        line.request("PATCH", path, body, headers)
        answer = line.getresponse()
        answer.read()
        return answer.status


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_web_server_told_to_end_answers_what_it_has_in_hand(tmp_path):
    cast, port = Cast(), free_port()
    depots = [cast.depot(name=f"Depot {n}").pk for n in range(AT_ONCE)]
    pair = auth.log_in(
        login=cast.owner.email, password=PASSWORD, address="127.0.0.1", device=auth.Device()
    )
    server = web(
        tmp_path / "web.log", port, VOLTOP_DEMO="1", VOLTOP_DB_POOL_MAX=str(AT_ONCE),
        VOLTOP_LOCK_TIMEOUT_MS="60000", VOLTOP_STATEMENT_TIMEOUT_MS="60000",
    )  # fmt: skip
    with running(server), ThreadPoolExecutor(AT_ONCE) as clients:
        wait_until(lambda: answers(port), within_s=120, meanwhile=server.still_lives)
        with transaction.atomic():
            list(Depot.objects.unscoped().select_for_update().filter(pk__in=depots))
            calls = [clients.submit(renamed, port, pair.access_token, pk) for pk in depots]
            wait_until(
                lambda: waiting_for_us() == AT_ONCE, within_s=60, meanwhile=server.still_lives
            )
            server.popen.send_signal(signal.SIGTERM)
            wait_until(
                lambda: "Stopping worker" in server.log.read_text(),
                within_s=60,
                meanwhile=server.still_lives,
            )
        assert [call.result(60) for call in calls] == [200] * AT_ONCE
        assert server.stop() == 0
    assert Depot.objects.unscoped().filter(name__startswith="Renamed").count() == AT_ONCE
