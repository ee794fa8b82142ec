"""PostgreSQL goes away and comes back under load: a hiccup, and nothing acknowledged is lost.

At most one answer in a hundred is a refusal, with 503 and Retry-After: whoever came before, while
or after is waited for, and begun again (`voltop.database.outages`). None is refused once the server
has been back for two seconds.

The real web server on a cluster of its own. Django's test client would prove nothing: it keeps a
broken connection for ever.
"""

import http.client
import itertools
import json
import math
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from voltop.embedded import paths
from voltop.embedded.paths import DATABASE
from voltop.embedded.process import ask
from voltop.embedded.services import Claim, Services
from voltop.tests.embedded_instance import (
    environment,
    free_port,
    instance_folder,
    needs_embedded_services,
)
from voltop.tests.real_processes import running, wait_until, web

PER_SECOND = 50
RESTARTS = (signal.SIGINT, signal.SIGQUIT) * 4
"""Fast: clients are thrown out. Immediate: a crash, and recovery from the log."""
BETWEEN_S = 5
BACK_WITHIN_S = 2
SHARE = 0.01
SET_UP = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", interactive=False, verbosity=0)
from fleets.services import auth
from voltop.tests.cast import PASSWORD, Cast
owner = Cast().owner
pair = auth.log_in(login=owner.email, password=PASSWORD, address="127.0.0.1", device=auth.Device())
print(pair.access_token, flush=True)
"""


@dataclass
class Call:
    begun: float
    ended: float
    status: int
    retry_after: str
    name: str = ""


@dataclass
class Load:
    """Reads and writes in turn, at a steady rate; a write that failed is sent again, same key."""

    port: int
    token: str
    calls: list[Call] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    acknowledged: set[str] = field(default_factory=set)

    def run(self, threads: int = 16) -> list[threading.Thread]:
        numbers, begun = itertools.count(), time.monotonic()
        started = [
            threading.Thread(target=self._work, args=(numbers, begun)) for _ in range(threads)
        ]
        for thread in started:
            thread.start()
        return started

    def _work(self, numbers: Iterator[int], begun: float) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as line:
            while not self.ended.is_set():
                number = next(numbers)
                time.sleep(max(0.0, begun + number / PER_SECOND - time.monotonic()))
                if number % 2:
                    self._call(line, "GET", "/api/v1/depots?page_size=5")
                else:
                    self._write(line, f"Depot {number}")

    def _write(self, line: http.client.HTTPConnection, name: str) -> None:
        body = json.dumps({"name": name})
        for attempt in range(20):
            if self._call(line, "POST", "/api/v1/depots", name, body) == 201:
                self.acknowledged.add(name)
                return
            time.sleep(0.2 * attempt)

    def _call(
        self, line: http.client.HTTPConnection, method: str, path: str, name: str = "",
        body: str | None = None,
    ) -> int:  # fmt: skip
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": name}
        begun = time.monotonic()
        line.request(method, path, body, headers)
        answer = line.getresponse()
        answer.read()
        retry_after = answer.getheader("Retry-After", "")
        self.calls.append(Call(begun, time.monotonic(), answer.status, retry_after, name))
        return answer.status


@pytest.fixture
def instance() -> Iterator[tuple[Path, Services]]:
    with instance_folder() as home, closing(Claim(home)) as claim:
        services = Services(claim, postgres_settings={"fsync": "on"})
        services.postgres.initialise(sync=False)
        services.start()
        try:
            services.postgres.ensure_role()
            services.postgres.ensure_database()
            yield home, services
        finally:
            services.stop()


def token_of(home: Path) -> str:
    """Migrate, make a company, and log its owner in."""
    env = environment(home, DJANGO_SETTINGS_MODULE="voltop.settings.base", VOLTOP_DB_POOL_MAX="0")
    env["VOLTOP_STATEMENT_TIMEOUT_MS"] = "0"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SET_UP],
        cwd=paths.CHECKOUT,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.split()[-1]


def restart(services: Services, how: signal.Signals) -> float:
    """Stop PostgreSQL that way and start it; the instant at which it answered again."""
    process = services.postgres.process
    assert process is not None
    ask(process, how)
    process.wait(60)
    services.postgres.start(locks=(services.claim.lifeline,))
    return time.monotonic()


def names_in(services: Services) -> list[str]:
    with services.postgres.connect(DATABASE) as connection:
        rows = connection.execute("SELECT name FROM fleets_depot WHERE name LIKE 'Depot %'")
        return [name for (name,) in rows.fetchall()]


def late_errors(calls: list[Call], downs: list[float], backs: list[float]) -> list[Call]:
    """Errors of requests that lay wholly between a return, with its grace, and the next outage."""
    quiet = list(
        zip([0.0, *(back + BACK_WITHIN_S for back in backs)], [*downs, math.inf], strict=True)
    )
    return [
        call
        for call in calls
        if call.status >= 500
        and any(since <= call.begun and call.ended <= until for since, until in quiet)
    ]


@pytest.mark.slow
@needs_embedded_services
def test_postgres_restarted_under_load_is_a_hiccup(instance, tmp_path):
    home, services = instance
    token, port, log = token_of(home), free_port(), tmp_path / "web.log"
    server = web(log, port, base=environment(home))
    backs: list[float] = []
    downs: list[float] = []
    with running(server):
        load = Load(port, token)
        wait_until(lambda: answers(port), within_s=120, meanwhile=server.still_lives)
        threads = load.run()
        for how in RESTARTS:
            time.sleep(BETWEEN_S)
            downs.append(time.monotonic())
            backs.append(restart(services, how))
        time.sleep(BETWEEN_S)
        load.ended.set()
        for thread in threads:
            thread.join(120)
        assert server.stop() == 0
    refused = [call for call in load.calls if not 200 <= call.status < 300]
    stored = names_in(services)
    report = {
        "restarts": len(backs), "calls": len(load.calls), "refused": len(refused),
        "slowest_s": round(max(call.ended - call.begun for call in load.calls), 2),
        "acknowledged": len(load.acknowledged), "stored": len(stored),
        "down_s": [round(up - down, 2) for down, up in zip(downs, backs, strict=True)],
    }  # fmt: skip
    print("\n" + json.dumps(report))
    assert {call.status for call in refused} <= {503}, report
    assert all(call.retry_after.isdigit() for call in refused)
    assert len(refused) <= SHARE * len(load.calls), report
    assert late_errors(load.calls, downs, backs) == []
    assert load.acknowledged <= set(stored)
    assert len(stored) == len(set(stored)), "a retry was stored twice"
    assert len(load.acknowledged) > 10 * len(RESTARTS)


def answers(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as line:
        try:
            line.request("GET", "/livez")
            return line.getresponse().status == 200
        except OSError:
            return False
