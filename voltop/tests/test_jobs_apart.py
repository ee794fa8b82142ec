"""One company whose rows cannot be worked on never holds up another's: every task, kept by hand.

Each task does its work for two companies, the sick one first. What makes it sick is written past
the services: a time zone that is none, a limit beyond every calendar, or a table that takes no row
of that company.
"""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import connection

from fleets.models import Depot, FleetPolicy, FleetProvider
from fleets.services import request_import
from telemetry import services as telemetry
from telemetry.tests.test_derive import drive
from telemetry.tests.world import NOW, Fleet
from vehicles.models import VehicleDay
from voltop import clock, jobs
from voltop.celery import app
from voltop.context import Actor
from voltop.jobs import Job
from voltop.records import record_kinds
from voltop.tests.cast import Cast
from voltop.tests.effects import Effect, Stage, effects, own_tasks, rings_answered_here

pytestmark = pytest.mark.django_db
TASKS = own_tasks()


@dataclass(frozen=True)
class Loop:
    """A task that does something for each company.

    `takes_none` is the table that takes no row of the sick one (with a further condition on NEW);
    without it the sick company's own row is nonsense. `told` is the kind of its failed job.
    """

    task: str
    told: str
    takes_none: str = ""
    when: str = "true"
    company: str = "a"
    goes_on: bool = False
    """What fails is left out or is a job of its own, so that the task itself does not fail."""


LOOPS = [
    Loop("shifts.miss_due", "shifts.miss_due", "shifts_shift"),
    Loop("telemetry.derive_pending", "telemetry.vehicle_days", goes_on=True),
    Loop("telemetry.derive_pending", "telemetry.derive_pending", "vehicles_vehicleday"),
    Loop("telemetry.tidy", "telemetry.tidy"),
    Loop("reservations.release_no_shows", "reservations.release", "reservations_reservation"),
    Loop("voltop.events.send_pending", "voltop.events.send_pending", "voltop_event", company="b"),
    Loop("shifts.auto_close_due", "shifts.auto_close_due", "shifts_shift"),
    Loop(
        "shifts.compute_due_metrics",
        "shifts.compute_due_metrics",
        "shifts_shiftmetrics",
        goes_on=True,
    ),
    Loop("shifts.run_proposal_jobs", "shifts.propose", "shifts_shiftproposal", goes_on=True),
    Loop("fleets.run_imports", "fleets.import", "fleets_depot", goes_on=True),
    Loop("chat.run_timers", "chat.run_timers", "chat_conversation"),
    Loop("chat.page_due", "chat.page_due", "chat_page"),
    Loop("chat.send_announcements", "chat.announce", "chat_conversation", goes_on=True),
    Loop(
        "chat.forget_conversations",
        "chat.forget_conversations",
        "fleets_auditentry",
        "NEW.action = 'conversations.forgotten'",
    ),
    Loop(
        "payments.ask_banks",
        "payments.ask_banks",
        "payments_payout",
        "NEW.status = 'confirmed'",
    ),
    Loop(
        "payments.daily",
        "payments.check_books.nightly",
        "voltop_job",
        "NEW.kind IN ('payments.check_books', 'payments.reconcile')",
    ),
    Loop("drivers.follow_calendars", "drivers.follow_calendars", "drivers_driverdocument"),
    Loop(
        "drivers.erase_due",
        "drivers.erase_due",
        "fleets_auditentry",
        "NEW.action = 'driver.erased'",
    ),
    Loop(
        "drivers.forget_faces",
        "drivers.forget_faces",
        "fleets_auditentry",
        "NEW.action = 'face.withdrawn'",
    ),
]
QUICK = 4
NO_LOOP = {
    "one object": {"payments.calculate", "payments.post", "payments.pay", "payments.reconcile"},
    "rings for others": {"payments.sweep", "voltop.recover"},
    "message by message, each with its own attempts": {
        "voltop.outbox.relay",
        "voltop.outbox.relay_lanes",
        "voltop.files.move",
    },
    "in statements for all, which read nothing that a row could get wrong": {
        "chat.forget_unsent",
        "fleets.refresh_inbox",
        "fleets.seal_audit",
        "fleets.verify_audit",
        "fleets.forget_deliveries",
        "fleets.forget_expired",
        "fleets.forget_import_files",
        "fleets.forget_inbox",
        "fleets.forget_notices",
        "telemetry.make_partitions",
        "voltop.api.forget_keys",
        "voltop.events.forget_old",
        "voltop.tidy_runs",
    },
}


def test_of_every_task_is_said_whether_it_goes_through_companies():
    named = [loop.task for loop in {loop.task: loop for loop in LOOPS}.values()]
    named += [task for tasks in NO_LOOP.values() for task in tasks]
    assert sorted(named) == sorted(TASKS)


def sick(loop: Loop, company: FleetProvider) -> None:
    FleetProvider.objects.filter(pk=company.pk).update(time_zone="Mars/Olympus")
    nonsense = FleetPolicy.objects.unscoped().filter(provider=company)
    nonsense.update(telemetry_retention_days=2_000_000_000)
    if loop.takes_none:
        FleetProvider.objects.filter(pk=company.pk).update(time_zone=company.time_zone)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            cursor.execute(
                "CREATE FUNCTION takes_none() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'sick'; END $$"
            )
            cursor.execute(
                f"CREATE TRIGGER a_sick BEFORE INSERT OR UPDATE ON {loop.takes_none} FOR EACH ROW"
                f" WHEN (NEW.provider_id = {company.pk} AND {loop.when})"
                " EXECUTE FUNCTION takes_none()"
            )


def old_samples(stage: Stage) -> list[int]:
    """Samples that the company keeps for thirty days, half a year after they were sent."""
    own = stage.notes["fleet"] = Fleet(stage.cast)
    own.send(*drive(own.car, 0, 10, occupied=True))
    keeps = FleetPolicy.objects.unscoped().filter(provider=stage.cast.a)
    keeps.update(telemetry_retention_days=30)
    return []


def kept(stage: Stage) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM telemetry_sample WHERE vehicle_id = %s",
            [stage.notes["fleet"].car.pk],
        )
        return int(cursor.fetchone()[0])


def a_depot(stage: Stage) -> list[int]:
    kind, content = record_kinds()["depots"], b"name\nNorte\n"
    owner = stage.cast.actor()
    request_import(stage.cast.a, actor=owner, kind=kind, file_name="a.csv", content=content)
    return []


def depots(stage: Stage) -> int:
    return Depot.objects.for_provider(stage.cast.a.pk).filter(name="Norte").count()


OWN = {
    "telemetry.tidy": Effect("telemetry.tidy", old_samples, kept, 0),
    "fleets.run_imports": Effect("fleets.run_imports", a_depot, depots, 1),
}
"""Effects that can be looked at company by company."""


def rows():
    for number, loop in enumerate(LOOPS):
        marks = [pytest.mark.slow] if number >= QUICK else []
        if loop.task.startswith("payments."):
            marks.append(pytest.mark.django_db(transaction=True))
        yield pytest.param(loop, id=f"{loop.task}-{loop.takes_none or 'row'}", marks=marks)


@pytest.fixture
def recovers(request):
    """Whatever was made to fail is whole again afterwards."""
    transactional = [mark.kwargs for mark in request.node.iter_markers("django_db")]
    request.getfixturevalue("transactional_db" if transactional[0] else "db")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION IF EXISTS takes_none CASCADE")


@pytest.mark.parametrize("loop", list(rows()))
def test_one_companys_rows_hold_up_no_other(loop, request, monkeypatch, recovers):
    bank = request.getfixturevalue("bank") if loop.task.startswith("payments.") else None
    effect = OWN.get(loop.task) or effects()[loop.task]
    ill, well = Stage(Cast(), bank), Stage(Cast(), bank)
    args = effect.set_up(ill)
    effect.set_up(well)
    company = getattr(ill.cast, loop.company)
    sick(loop, company)
    for ring in (1, 2):
        with rings_answered_here(monkeypatch):
            done = app.tasks[loop.task].apply(args=list(args))
        assert ring == 2 or done.successful() == loop.goes_on, done.traceback
        assert effect.seen(well) == effect.once
        failed = Job.objects.filter(kind=loop.told, state="failed")
        assert list(failed.values_list("provider_id", flat=True)) == [company.pk]


def test_days_are_made_again_once_the_zone_is_one(cast):
    fleet = Fleet(cast)
    fleet.send(*drive(fleet.car, 0, 10, occupied=True))
    FleetProvider.objects.filter(pk=cast.a.pk).update(time_zone="Mars/Olympus")
    telemetry.derive_pending()
    assert VehicleDay.objects.unscoped().count() == 0
    FleetProvider.objects.filter(pk=cast.a.pk).update(time_zone="America/Mexico_City")
    telemetry.rebuild(NOW - timedelta(days=7), NOW)
    assert VehicleDay.objects.unscoped().count() == 1


def test_a_failure_is_told_once_a_day_and_names_no_data(cast):
    at = clock.now()
    for when in (at, at, at + timedelta(days=1)):
        jobs.tell_failed("tests.loop", cast.a.pk, ValueError("Dora Driver"), at=when)
    told = Job.objects.filter(kind="tests.loop", provider_id=cast.a.pk)
    assert [(job.state, job.error_code, job.error_detail) for job in told] == [
        ("failed", "unexpected", "ValueError")
    ] * 2
    assert {job.actor for job in told} == {str(Actor.system("tests.loop"))}
