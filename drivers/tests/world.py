"""What drivers adds to the world of the access matrix."""

from datetime import date

from drivers import services
from drivers.models import Driver, Engagement, PayoutAccount
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
        "payout_account",
        own=account(world, own, "Dora Driver"),
        peer=account(world, peer, "Dario Driver"),
        foreign=account(world, foreign, world.canary("holder")),
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
