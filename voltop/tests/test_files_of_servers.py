"""Files through real servers: exports leave whole from both, an import's 10 MB come in."""

import base64
import csv
import http.client
import io
import json
from contextlib import closing

import pytest

from fleets.models import DataImport, Depot
from fleets.services import auth
from voltop.tests.cast import PASSWORD, Cast
from voltop.tests.embedded_instance import free_port
from voltop.tests.real_processes import Process, running, wait_until, web
from voltop.tests.test_postgres_restarts import answers

ROWS = 20_000


def live(log, port):
    args = ("granian", "--interface", "asginl", "--host", "127.0.0.1", "--port", str(port))
    return Process(log, *args, "--workers", "1", "voltop.asgi:application", VOLTOP_DEMO="1")


def asked(port, method, path, token, body=None):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as line:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        line.request(method, path, None if body is None else json.dumps(body), headers)
        answer = line.getresponse()
        return answer, answer.read()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_files_leave_and_come_in_whole(tmp_path, interface):
    cast, port = Cast(), free_port()
    Depot.objects.bulk_create(Depot(provider=cast.a, name=f"Depot {n}") for n in range(ROWS))
    pair = auth.log_in(
        login=cast.owner.email, password=PASSWORD, address="127.0.0.1", device=auth.Device()
    )
    log = tmp_path / "server.log"
    server = web(log, port, VOLTOP_DEMO="1") if interface == "wsgi" else live(log, port)
    with running(server):
        wait_until(lambda: answers(port), within_s=120, meanwhile=server.still_lives)
        answer, data = asked(port, "GET", "/api/v1/depots?export=csv", pair.access_token)
        assert (answer.status, answer.getheader("Content-Length")) == (200, None)
        names = [row["name"] for row in csv.DictReader(io.StringIO(data.decode()))]
        assert names == [f"Depot {n}" for n in range(ROWS)]
        answer, data = asked(port, "GET", "/api/v1/depots?export=xlsx", pair.access_token)
        assert (answer.status, data[:2]) == (200, b"PK")
        rows = b"".join(b"Imported %d,%s\n" % (n, b"x" * 480) for n in range(20_000))
        content = base64.b64encode(b"name,address\n" + rows).decode()
        body = {"kind": "depots", "file_name": "large.csv", "content": content}
        answer, data = asked(port, "POST", "/api/v1/imports", pair.access_token, body)
        assert answer.status == 202, data
        server.stop()
    made = DataImport.objects.for_provider(cast.a.pk).select_related("job").get()
    assert made.job.total == 20_000
    assert "Traceback" not in log.read_text()
