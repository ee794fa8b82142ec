"""Hundreds of drivers who are to be paid, written in bulk."""

import json
from decimal import Decimal

from drivers import services as driver_services
from drivers.models import Driver, PayoutAccount
from fleets.models import FleetProvider, User
from payments.models import Terms
from payments.tests.scene import MONDAY, Scene
from shifts.models import Shift, ShiftMetrics
from voltop import crypto


def many_drivers(scene: Scene, count: int) -> None:
    """Drivers with terms, an account and a shift each, written in bulk."""
    provider, actor = scene.provider, scene.owner
    FleetProvider.objects.filter(pk=provider.pk).update(max_drivers=count + 10)
    users = User.objects.bulk_create(
        [User(email=f"chaos{n}@drivers.example", password="!") for n in range(count)]
    )
    drivers = Driver.objects.bulk_create(
        [
            Driver(
                provider=provider,
                user=user,
                given_name="Chaos",
                family_name=str(n),
                status="active",
            )
            for n, user in enumerate(users)
        ]
    )
    Terms.objects.bulk_create(
        [
            Terms(
                provider=provider,
                driver=driver,
                pay_group=scene.group,
                plan_version=scene.plan,
                valid_from=MONDAY,
                currency=provider.currency,
                text_sha256="",
            )
            for driver in drivers
        ]
    )
    context = driver_services.payout_accounts.CONTEXT
    PayoutAccount.objects.bulk_create(
        [
            PayoutAccount(
                provider=provider,
                driver=driver,
                kind="us",
                holder_name=f"Chaos {driver.pk}",
                mask="US",
                details=crypto.encrypt(
                    subject=driver_services.payout_accounts.subject_of(driver.pk),
                    provider_id=provider.pk,
                    context=context,
                    plaintext=json.dumps({"routing": "021000021", "account": "1"}).encode(),
                ),
            )
            for driver in drivers
        ]
    )
    work_a_day(scene, drivers)
    assert actor.provider_id == provider.pk


def work_a_day(scene: Scene, drivers: list[Driver]) -> None:
    """A confirmed, measured shift for each."""
    provider = scene.provider
    template = scene.shift(scene.cast.driver, measured=False)
    shifts = Shift.objects.bulk_create(
        [
            Shift(
                provider=provider,
                driver=driver,
                starts_at=template.starts_at,
                ends_at=template.ends_at,
                time_zone="UTC",
                business_date=MONDAY,
                status="confirmed",
                close_reason="driver",
            )
            for driver in drivers
        ]
    )
    metrics = scene.measure(template, 8 * 3600, Decimal(100))
    values = {
        field.attname: getattr(metrics, field.attname)
        for field in ShiftMetrics._meta.concrete_fields
        if field.attname not in ("id", "shift_id", "created_at", "updated_at", "row_version")
    }
    ShiftMetrics.objects.bulk_create([ShiftMetrics(shift=s, **values) for s in shifts])
    Shift.objects.filter(pk=template.pk).update(status="ended")
