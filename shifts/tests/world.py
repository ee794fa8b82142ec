"""What shifts adds to the world of the access matrix: for each driver a shift that ended, one that
runs, one that is planned, a proposal, and an account with one fare.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from drivers.models import Driver
from shifts import services
from shifts.models import (
    PlatformAccount,
    PlatformDriver,
    PlatformEntry,
    Shift,
    ShiftMetrics,
    ShiftProposal,
)
from telemetry import services as telemetry_services
from vehicles.models import Vehicle
from voltop import clock
from voltop.context import Actor
from voltop.tests.world import World

HOUR = timedelta(hours=1)


@dataclass
class Work:
    """One driver's."""

    running_shift: Shift
    shift: Shift
    planned_shift: Shift
    shift_metrics: ShiftMetrics
    shift_proposal: ShiftProposal
    platform_account: PlatformAccount
    platform_driver: PlatformDriver
    platform_entry: PlatformEntry


def build(world: World) -> None:
    a = services.create_platform_account(
        world.a, actor=world.actor(), platform="uber", name="Uber of A"
    )
    b = services.create_platform_account(
        world.b, actor=world.actor(world.b), platform="uber", name=world.canary("account")
    )
    own = work(world, world.driver, "Shift car A1", a)
    peer = work(world, world.other_driver, "Shift car A2", a)
    foreign = work(world, world.foreign_driver, world.canary("shift car"), b)
    for kind in Work.__dataclass_fields__:
        rows = [getattr(of, kind) for of in (own, peer, foreign)]
        if kind == "platform_account":
            world.put(kind, own=rows[0], foreign=rows[2])
        else:
            world.put(kind, own=rows[0], peer=rows[1], foreign=rows[2])


def work(world: World, driver: Driver, label: str, account: PlatformAccount) -> Work:
    actor, now = world.actor(driver.provider), clock.now()
    car = world.new_vehicle(label, driver.provider, tenure_starts_at=now - timedelta(days=10))
    proposal = proposed(world, driver, car)
    ended = services.start_shift(driver, vehicle=car, actor=actor, at=now - 30 * HOUR)
    known = services.give_platform_id(
        account, driver, actor=actor, external_id=label, starts_at=now - 99 * HOUR
    )
    [fare] = services.post_entries(account, [fare_of(driver, account, label)], actor=actor)
    services.end_shift(ended, actor=actor, at=now - 26 * HOUR)
    services.compute_metrics([ended.pk])
    ended.refresh_from_db()
    return Work(
        shift=ended,
        running_shift=services.start_shift(driver, vehicle=car, actor=actor, at=now - HOUR),
        planned_shift=services.schedule_shift(
            driver, actor=actor, vehicle=car, starts_at=now + 48 * HOUR, ends_at=now + 56 * HOUR
        ),
        shift_metrics=ShiftMetrics.objects.get(shift=ended),
        shift_proposal=proposal,
        platform_account=account,
        platform_driver=known,
        platform_entry=PlatformEntry.objects.get(pk=fare.entry_id),
    )


def proposed(world: World, driver: Driver, car: Vehicle) -> ShiftProposal:
    """Two hours of driving three days ago, while the driver had the car for a time."""
    from vehicles.services import assign

    actor, begun = world.actor(driver.provider), clock.now() - 72 * HOUR
    assign(
        car,
        driver,
        actor=actor,
        kind="temporary",
        starts_at=begun - HOUR,
        ends_at=begun + 3 * HOUR,
    )
    source, _token = telemetry_services.create_source(
        driver.provider, actor=actor, name=f"Trackers of {car.label}"
    )
    items = [
        {
            "vehicle": car.pk,
            "recorded_at": (begun + n * HOUR / 12).isoformat(),
            "latitude": 19 + n / 50,
            "longitude": -99,
        }
        for n in range(25)
    ]
    source_actor = Actor("source", source.pk, driver.provider_id)
    telemetry_services.ingest(source, items, actor=source_actor)
    telemetry_services.derive([car.pk], begun, begun + 3 * HOUR)
    services.propose_shifts(
        driver.provider, begun - HOUR, begun + HOUR, actor=actor, vehicle_ids=[car.pk]
    )
    return ShiftProposal.objects.get(vehicle=car)


def fare_of(driver: Driver, account: PlatformAccount, label: str) -> services.EntryRow:
    now = clock.now()
    return services.EntryRow(
        external_id=f"{label} 1",
        kind="fare",
        occurred_at=now - 28 * HOUR,
        posted_at=now,
        amount=Decimal("12.50"),
        currency=account.currency,
        driver_id=driver.pk,
    )
