"""The main job on real input: a day of a fleet goes in at one end, drivers are paid at the other.

Five steps on a stage of their own, then a look at what the database holds. What does not hold
stands in the report's `failures`; a step that cannot be done does not stop the others that do not
need it.
"""

import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from voltop.demo import charging, checks, fixes, fleet, pay, stage
from voltop.demo.charging import read_sessions
from voltop.demo.client import ApiError, Client
from voltop.demo.fixes import Day
from voltop.demo.run import NotOffered, Run
from voltop.demo.stage import Stage, StageError

COMPANY = "Yellow Cabs"
BROKEN = (ApiError, NotOffered, StageError, RuntimeError, TimeoutError, ValueError, KeyError)


def carry_out(data: Path | None, console: Console) -> dict[str, Any]:
    """Run everything on the sets below `data` (None: generated ones); the report."""
    begun = time.monotonic()
    with ExitStack() as last, console.status("Voltop and a bank are started …"):
        place = last.enter_context(stage.set_up())
        day, sessions, about = _data(data, place.home)
        run = _open(place, day, last)
        run.report["data"] = about
        steps: dict[str, float] = {}
        done: set[str] = set()
        for name, needs, step in _steps(run, list(read_sessions(sessions))):
            if needs <= done:
                started = time.monotonic()
                if _carry_out(run, name, step):
                    done.add(name)
                steps[name] = round(time.monotonic() - started, 1)
                console.print(f"  {name} ({steps[name]} s)")
            else:
                run.failures.append(f"{name}: not done, for it needs {sorted(needs - done)}")
        _check(run)
        run.report["steps_s"] = steps
        run.report["memory_mb"] = stage.peaks_mb(place)
    largest = max(run.report["memory_mb"].values(), default=0)
    run.expect(largest <= 500, f"a process held {largest} MB")
    run.report["seconds"] = round(time.monotonic() - begun, 1)
    run.report["failures"] = run.failures
    return run.report


def _data(data: Path | None, home: Path) -> tuple[Day, Path, dict[str, Any]]:
    """The day, the file of sessions, and what the report says of both."""
    cabs = data / fixes.FILE if data else None
    sessions = data / charging.FILE if data else None
    generated = []
    if cabs is None or not cabs.is_file():
        cabs = home / "generated" / fixes.FILE
        fixes.generate(cabs)
        generated.append("fleet")
    if sessions is None or not sessions.is_file():
        sessions = home / "generated" / charging.FILE
        charging.generate(sessions)
        generated.append("sessions")
    day = fixes.look_through(cabs)
    about = {"day": day.first.astimezone(fixes.ZONE).date().isoformat(), "generated": generated}
    return day, sessions, about


def _open(place: Stage, day: Day, last: ExitStack) -> Run:
    """The company and its people, by commands; their clients, logged in."""
    password = secrets.token_urlsafe(16)
    place.manage("load_vehicle_models")
    members = [f"--member={role}:{login}:{role.title()} Cabs" for role, login in fleet.PEOPLE]
    place.manage(
        "create_provider",
        COMPANY,
        *("--country", "US", "--currency", "USD", "--time-zone", fixes.ZONE.key),
        *members,
        *("--password-env", "VOLTOP_PASSWORD"),
        VOLTOP_PASSWORD=password,
    )
    clients = [Client(place.url).log_in(login, password) for _role, login in fleet.PEOPLE]
    for client in clients:
        last.callback(client.close)
    return Run(place, day, owner=clients[0], accountant=clients[1])


def _steps(run: Run, sessions: list[charging.Session]) -> list[tuple[str, set[str], Any]]:
    """Name, what must be done before, and the step, in order."""
    return [
        ("company", set(), lambda: fleet.found_company(run)),
        ("telemetry", {"company"}, lambda: fleet.send_day(run)),
        ("trips", {"telemetry"}, lambda: fleet.read_trips(run)),
        ("shifts", {"telemetry"}, lambda: fleet.make_shifts(run)),
        ("fares", {"trips", "shifts"}, lambda: pay.post_fares(run)),
        ("metrics", {"fares"}, lambda: fleet.measure_shifts(run)),
        ("plans", {"company"}, lambda: pay.agree_terms(run)),
        ("batch", {"metrics", "plans"}, lambda: pay.calculate(run)),
        ("payouts", {"batch"}, lambda: pay.pay_out(run)),
        ("sessions", set(), lambda: charging.import_sessions(run, sessions)),
        ("bookings", {"sessions"}, lambda: charging.book_a_week(run, sessions)),
        ("dispute", {"batch"}, lambda: pay.dispute(run)),
    ]


def _carry_out(run: Run, name: str, step: Callable[[], None]) -> bool:
    """Do a step; whether it came to its end. Why not stands in the failures."""
    try:
        step()
    except BROKEN as error:
        run.failures.append(f"{name}: {type(error).__name__}: {error}"[:1000])
        return False
    return True


def _check(run: Run) -> None:
    """The final checks: what the database holds, beside what the API said."""
    found = checks.look(run.stage.home)
    samples = run.report.setdefault("samples", {})
    samples["stored"] = found["stored"]
    run.expect(
        samples.get("accepted") == found["stored"],
        f"{samples.get('accepted')} samples accepted, {found['stored']} stored",
    )
    run.report["ledger"] = {"entries": found["entries"], "sum": str(found["sum"])}
    run.expect(found["entries"] > 0, "nothing is booked")
    run.expect(found["sum"] == 0, f"the ledger sums to {found['sum']}")
    run.expect(not found["unbalanced"], f"{found['unbalanced']} entries do not balance")
    for name, count in found["overlaps"].items():
        run.expect(count == 0, f"{count} {name} overlap")
