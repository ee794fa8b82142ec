"""What drivers adds to the world of the access matrix."""

from datetime import date

from drivers import services
from drivers.models import Driver, DriverDocument, Engagement, FaceCheck, PayoutAccount
from drivers.tests.painted_faces import ask_for_faces, enrol, photo
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
    for provider in (world.a, world.b):
        ask_for_faces(provider, "random", face_check_pct=0)
    people = {"own": own, "peer": peer, "foreign": foreign}
    world.put(
        "face_check",
        **{scope: face_check(world, driver, n) for n, (scope, driver) in enumerate(people.items())},
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


def face_check(world: World, driver: Driver, person: int) -> FaceCheck:
    """Staff's word beside a face that is enrolled and was compared."""
    actor = world.actor(driver.provider)
    enrol(world, driver, person)
    services.check_face(driver, actor=actor, photo=photo(person, take=9))
    reason = world.canary("face") if driver == world.foreign_driver else f"seen {person}"
    return services.set_aside_face_check(driver, actor=actor, reason=reason)


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
