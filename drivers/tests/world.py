"""What drivers adds to the world of the access matrix."""

from datetime import date

from drivers import services
from drivers.models import Driver, DriverDocument, Engagement, PayoutAccount
from voltop import files
from voltop.tests.world import World


def build(world: World) -> None:
    own, peer, foreign = world.driver, world.other_driver, world.foreign_driver
    world.put("driver", own=own, peer=peer, foreign=foreign)
    world.know_as("driver", "erp", "D-1")
    world.put(
        "engagement",
        **{
            scope: engagement(world, driver)
            for scope, driver in {"own": own, "peer": peer, "foreign": foreign}.items()
        },
    )
    world.put(
        "document",
        own=document(world, own, "LIC-100001"),
        peer=document(world, peer, "LIC-100002"),
        foreign=document(world, foreign, world.canary("number")),
    )
    services.reject_document(
        document(world, foreign, "LIC-100003"),
        actor=world.actor(world.b),
        reason=world.canary("refusal"),
    )
    world.put(
        "payout_account",
        own=account(world, own, "Dora Driver"),
        peer=account(world, peer, "Dario Driver"),
        foreign=account(world, foreign, world.canary("holder")),
    )


def document(world: World, driver: Driver, number: str) -> DriverDocument:
    return services.hand_in_document(
        driver,
        actor=world.actor(driver.provider),
        kind="driving_licence",
        number=number,
        file=files.Prepared(b"a picture", "image/jpeg", "licence.jpg"),
        expires_on=date(2030, 1, 1),
    )


def engagement(world: World, driver: Driver) -> Engagement:
    return services.start_engagement(
        driver, actor=world.actor(driver.provider), kind="employee", starts_on=date(2026, 1, 1)
    )


def account(world: World, driver: Driver, holder: str) -> PayoutAccount:
    return services.set_payout_account(
        driver,
        actor=world.actor(driver.provider),
        kind="iban",
        details={"iban": "NL91ABNA0417164300"},
        holder_name=holder,
    )
