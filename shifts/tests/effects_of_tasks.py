"""The effects of shifts' tasks."""

from datetime import timedelta

from shifts import services
from shifts.models import MetricsRequest, ShiftEvent, ShiftMetrics, ShiftProposal
from shifts.tests.scene import T0, Scene, at
from voltop import clock
from voltop.jobs import Job
from voltop.tests.effects import Effect, Stage


def scene(stage: Stage) -> Scene:
    return stage.notes.setdefault("shifts", Scene(stage.cast))


def ended(stage: Stage) -> list[int]:
    own = scene(stage)
    driver, car = stage.cast.new_driver("Measured"), own.new_vehicle("Measured")
    shift = own.active(driver=driver, vehicle=car)
    stage.notes["ended"] = services.end_shift(shift, actor=own.actor, at=at(8)).pk
    return []


def measured(stage: Stage) -> tuple[int, int]:
    shift = stage.notes["ended"]
    open_requests = MetricsRequest.objects.unscoped().filter(shift=shift)
    return ShiftMetrics.objects.filter(shift=shift).count(), open_requests.count()


def driven(stage: Stage) -> list[int]:
    own = scene(stage)
    car = own.new_vehicle("Proposed")
    own.hold(car, stage.cast.new_driver("Proposed"), -100, None)
    own.drive(car, 0, 3)
    stage.notes["proposing"] = services.request_proposals(
        stage.cast.a, actor=own.actor, start=at(-24), end=at(48), vehicles=[car.pk]
    ).pk
    return []


def proposed(stage: Stage) -> tuple[str, int]:
    job = Job.objects.get(pk=stage.notes["proposing"])
    own = ShiftProposal.objects.filter(vehicle__label="Proposed")
    return job.state, own.count()


def not_come(stage: Stage) -> list[int]:
    own = scene(stage)
    driver, car = stage.cast.new_driver("Missed"), own.new_vehicle("Missed")
    stage.notes["missed"] = own.scheduled(driver=driver, vehicle=car).pk
    return []


def never_ended(stage: Stage) -> list[int]:
    own = scene(stage)
    driver, car = stage.cast.new_driver("Running"), own.new_vehicle("Running")
    begun = min(T0, clock.now() - timedelta(days=2))
    stage.notes["running"] = own.active(driver=driver, vehicle=car, at=begun).pk
    return []


def moves(stage: Stage, what: str) -> list[str]:
    events = ShiftEvent.objects.filter(shift=stage.notes[what]).order_by("id")
    return list(events.values_list("to_state", flat=True))


EFFECTS = [
    Effect("shifts.compute_due_metrics", ended, measured, (1, 0)),
    Effect("shifts.run_proposal_jobs", driven, proposed, ("done", 1)),
    Effect(
        "shifts.miss_due", not_come, lambda stage: moves(stage, "missed"), ["scheduled", "missed"]
    ),
    Effect(
        "shifts.auto_close_due",
        never_ended,
        lambda stage: moves(stage, "running"),
        ["active", "auto_closed"],
    ),
]
