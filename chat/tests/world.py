"""What chat adds to the world of the access matrix."""

from chat import services
from chat.models import Conversation
from drivers.models import Driver
from voltop.context import Actor
from voltop.tests.world import World


def build(world: World) -> None:
    made = {
        "own": conversation(world.driver, "Where is my pay?"),
        "peer": conversation(world.other_driver, "And mine?"),
        "foreign": conversation(world.foreign_driver, world.canary("question")),
    }
    world.put("conversation", **made)
    for found in made.values():
        services.add_note(found, actor=world.actor(found.provider), body="Asked payroll.")


def conversation(driver: Driver, body: str) -> Conversation:
    """An open conversation that the driver began."""
    return services.open_conversation(
        driver,
        actor=Actor("user", driver.user_id, driver.provider_id),
        author=services.Author.driver(driver.user_id),
        topic="pay",
        body=body,
    )
