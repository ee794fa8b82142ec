"""What chat adds to the world of the access matrix."""

from datetime import datetime

from chat import services
from chat.models import (
    Alarm,
    Announcement,
    Attachment,
    CannedReply,
    Conversation,
    OnCall,
    SlaPolicy,
)
from drivers.models import Driver
from fleets.models import FleetProvider
from voltop import files
from voltop.context import Actor
from voltop.tests.world import World


def build(world: World) -> None:
    made = {
        "own": conversation(world.driver, "Where is my pay?"),
        "peer": conversation(world.other_driver, "And mine?"),
        "foreign": conversation(world.foreign_driver, world.canary("question")),
    }
    world.put("conversation", **made)
    names = {"own": "plug.jpg", "peer": "door.jpg", "foreign": f"{world.canary('photo')}.jpg"}
    world.put("attachment", **{scope: sent_file(made[scope], names[scope]) for scope in made})
    for found in made.values():
        services.add_note(found, actor=world.actor(found.provider), body="Asked payroll.")

    rules = {
        "own": support_rules(world, world.a),
        "foreign": support_rules(world, world.b),
    }
    world.put("sla_policy", **rules)
    answering = (world.person(world.a, "support"), world.person(world.b, "manager"))
    world.put("answering", own=answering[0], foreign=answering[1])
    world.put("on_call", own=on_call(world, world.a), foreign=on_call(world, world.b))
    world.put("canned_reply", own=canned(world, world.a), foreign=canned(world, world.b))
    world.put("announcement", own=announced(world, world.a), foreign=announced(world, world.b))
    drivers = {"own": world.driver, "peer": world.other_driver, "foreign": world.foreign_driver}
    world.put("alarm", **{scope: help_for(driver) for scope, driver in drivers.items()})


def canned(world: World, provider: FleetProvider) -> CannedReply:
    text = {"shortcut": "payday", "body": "Payday is Friday, {{first_name}}."}
    return services.create_canned_reply(provider, actor=world.actor(provider), **text)


def announced(world: World, provider: FleetProvider) -> Announcement:
    """A message to many that no worker has sent yet."""
    return services.announce(provider, actor=world.actor(provider), body="Drive carefully.")


def on_call(world: World, provider: FleetProvider) -> OnCall:
    """The owner, who is called first."""
    owner = world.person(provider, "owner")
    return services.put_on_call(provider, actor=world.actor(provider), user=owner)


def help_for(driver: Driver) -> Alarm:
    """A call for help that rings."""
    actor = Actor("user", driver.user_id, driver.provider_id)
    return services.call_for_help(driver, actor=actor)


def support_rules(world: World, provider: FleetProvider) -> SlaPolicy:
    """A desk that is always there, whatever day it is."""
    return services.create_policy(
        provider, actor=world.actor(provider), holidays_off=False, normal_first_min=60
    )


def sent_file(talk: Conversation, name: str) -> Attachment:
    """A file that the driver has sent."""
    actor = Actor("user", talk.driver.user_id, talk.provider_id)
    author = services.Author.driver(talk.driver.user_id)
    file = files.Prepared(b"a picture", "image/jpeg", name)
    made = services.hand_in_attachment(talk, actor=actor, author=author, file=file)
    services.post_message(talk, actor=actor, author=author, attachments=[made.pk])
    made.refresh_from_db()
    return made


def conversation(driver: Driver, body: str, at: datetime | None = None) -> Conversation:
    """An open conversation that the driver began."""
    return services.open_conversation(
        driver,
        actor=Actor("user", driver.user_id, driver.provider_id),
        author=services.Author.driver(driver.user_id),
        topic="pay",
        body=body,
        at=at,
    )
