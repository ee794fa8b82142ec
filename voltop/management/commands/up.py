"""`manage.py up`: the whole of Voltop on one machine, in one command.

Embedded PostgreSQL and Valkey (unless DATABASE_URL and REDIS_URL name others), migrations, demo
data when VOLTOP_DEMO is set, then web, worker and beat. For demo and development.
"""

import os
import signal
import socket
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from voltop.demo.city.bank import remembered_bank
from voltop.demo.companies import PAST_IS_WRITTEN
from voltop.embedded import paths
from voltop.embedded.process import Busy, ServiceError, die_with_parent
from voltop.embedded.services import Claim, Services
from voltop.embedded.supervisor import Child, StopRequested, Supervisor, listen, python, say

_WEB_WAIT_S = 90
_WORKER = (
    *("-A", "voltop", "worker", "--queues", "default,payments,telemetry,webhooks"),
    *("--concurrency", "2"),
    *("--loglevel", "INFO", "--without-gossip", "--without-mingle"),
)


class Command(BaseCommand):
    help = "Start Voltop: embedded services, migrations, demo data, web, worker and beat."
    requires_system_checks = ()  # `migrate` runs them, once there is a database to look at

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        if os.environ.get("VOLTOP_END_WITH_PARENT"):
            die_with_parent(signal.SIGTERM)
        try:
            _run(host, port)
        except StopRequested:
            say("Voltop has ended.")
            os._exit(0)  # the interpreter's own tidying takes longer than ending everything else
        except Busy as error:
            raise CommandError(
                f"{error}. Stop it first, or start a second one with a folder and a port of its "
                "own: make run VOLTOP_HOME=/some/folder PORT=8001"
            ) from None
        except ServiceError as error:
            raise CommandError(str(error)) from None


def _run(host: str, port: int) -> None:
    """Start everything, say so, and keep it running; ends by StopRequested or ServiceError."""
    url = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104
    os.environ.setdefault("VOLTOP_PUBLIC_URL", url)
    with closing(Claim(paths.home())) as claim, closing(listen(host, port)) as listener:
        claim.lock.note(f"{url}/admin/, process {os.getpid()}")
        supervisor = Supervisor(claim)
        supervisor.install_signal_handlers()
        try:
            logins = _start(supervisor, listener, url)
            say(f"Voltop is ready: {url}/admin/")
            say(f"{logins}Ctrl-C ends it. Data and logs: {paths.home()}")
            supervisor.watch()
        finally:
            supervisor.stop()


def _start(supervisor: Supervisor, listener: socket.socket, url: str) -> str:
    """Everything in its order; the demo's log-ins as text (empty without demo)."""
    if settings.EMBEDDED:
        with _step("PostgreSQL and Valkey run"):
            _start_services(supervisor)
    if settings.DEMO:
        _start_bank(supervisor)
    # Importing takes the web process longest, so it does that while we migrate.
    web = _child("web", "voltop.embedded.web", "--fd", str(listener.fileno()))
    web.keep_fds = (listener.fileno(),)
    supervisor.launch(web)
    _use_plain_connections()
    with _step("The database is up to date"):
        call_command("check", databases=["default"], stdout=StringIO())
        call_command("migrate", interactive=False, verbosity=0)
    logins = ""
    if settings.DEMO and "seed" in get_commands():
        with _step("The demo data is there"):
            logins = call_command("seed", stdout=StringIO()) or ""
    connections.close_all()
    with _step("Web, worker and beat run"):
        supervisor.wait_until_answering(web, f"{url}/livez", wait_s=_WEB_WAIT_S)
        # Only now: on few cores three Django start-ups at once make the page wait for all three.
        supervisor.launch(_child("worker", "celery", *_WORKER))
        schedule = str(paths.home() / "beat-schedule")
        supervisor.launch(_child("beat", "celery", "-A", "voltop", "beat", "-s", schedule))
        if settings.DEMO:
            city = _child("city", "voltop.demo.city", "--url", url, "--home", str(paths.home()))
            city.essential = False
            supervisor.launch(city)
    if settings.DEMO and not (paths.home() / PAST_IS_WRITTEN).exists():
        logins += (
            "\nThe cars drive already. Four weeks of history (shifts, charging, pay) are being "
            "written\nbeside it, which takes some minutes on two cores; what waits for you grows "
            "meanwhile."
        )
    return f"{logins.rstrip()}\n" if logins else ""


def _start_bank(supervisor: Supervisor) -> None:
    """The sandbox bank that pays the demo's drivers; at the same address at every start."""
    bank = remembered_bank(paths.home())
    address = bank.url.removeprefix("http://")
    os.environ["VOLTOP_SANDBOX_BANK_URL"] = bank.url
    os.environ["SANDBOX_BANK_TOKEN"] = bank.token
    book = str(paths.home() / "bank.sqlite3")
    port = address.rpartition(":")[2]
    child = _child("bank", "payments.sandbox_bank", "--book", book, "--port", port)
    child.essential = False
    supervisor.launch(child)


def _start_services(supervisor: Supervisor) -> None:
    services = Services(supervisor.claim)
    supervisor.services = services
    if services.layout.relocated:
        say(
            f"Other accounts cannot enter {services.layout.home.parent}: PostgreSQL and Valkey run "
            f"as `{services.account.name if services.account else ''}` and keep their data and "
            f"programs in {services.layout.service_home}"
        )
    services.postgres.initialise()
    services.start()
    services.postgres.ensure_role()
    services.postgres.ensure_database()


def _use_plain_connections() -> None:
    """No pool (its threads must not be there when we fork) and no time limit on a migration."""
    options = connections.settings["default"]["OPTIONS"]
    options.pop("pool", None)
    options["options"] = "-c lock_timeout=10000"


def _child(name: str, module: str, *args: str) -> Child:
    return Child(name, python("-m", module, *args), paths.home() / "log" / f"{name}.log")


@contextmanager
def _step(text: str) -> Iterator[None]:
    begun = time.monotonic()
    yield
    say(f"  {text} ({time.monotonic() - begun:.1f} s)")
