"""The product's side of the fan-out: a company, its desk, and a conversation for each program."""

from dataclasses import dataclass
from typing import Any

from benchmarks.cluster import migrate

PER_PERSON = 5
"""Sockets of a person, as the product allows."""

LAST = "SELECT last_seq FROM chat_conversation WHERE id = %s"
STORE = """
WITH talk AS (
  UPDATE chat_conversation SET last_seq = last_seq + 1, last_message_at = now() WHERE id = %s
  RETURNING id, provider_id, driver_id, last_seq
)
INSERT INTO chat_message
  (provider_id, conversation_id, seq, author_kind, author_id, body, attachment_count, sent_at)
SELECT talk.provider_id, talk.id, last_seq, 'driver', user_id, %s, 0, now()
FROM talk JOIN drivers_driver d ON d.id = talk.driver_id
RETURNING seq
"""
"""A message as `chat.services` stores it, without what else it does for the desk."""


@dataclass(frozen=True)
class World:
    """`conversations` by program; `people` answer drivers, each with PER_PERSON sockets."""

    conversations: dict[str, int]
    people: list[Any]
    provider_id: int

    def tickets(self) -> list[str]:
        """One for each socket of each person; good for half a minute."""
        from django.db import connections, transaction

        from fleets.services import socket_tickets
        from voltop.context import Actor

        try:
            with transaction.atomic():
                return [
                    socket_tickets.issue_ticket(
                        user, actor=Actor("user", user.pk, self.provider_id), family=family
                    ).ticket
                    for user, family in self.people
                    for _ in range(PER_PERSON)
                ]
        finally:
            connections.close_all()


def build(programs: list[str], listeners: int) -> World:
    """Migrate the database and fill it by services; leaves no connection open."""
    migrate()
    from django.db import connections, transaction

    from chat import services as chat
    from drivers import services as drivers
    from fleets import services as fleets
    from fleets import tokens
    from fleets.models import User
    from fleets.services import auth
    from voltop import clock
    from voltop.context import Actor

    system = Actor.system("bench")
    try:
        with transaction.atomic():
            provider = fleets.create_provider(
                actor=system, name="Bench", country="MX", currency="MXN",
                time_zone="America/Mexico_City",
            )  # fmt: skip
            provider = fleets.activate_provider(provider, actor=system)
            actor = Actor.system("bench", provider.pk)
            people = []
            for number in range(listeners // PER_PERSON):
                user = User.objects.create(email=f"desk{number}@bench.example")
                fleets.add_member(provider, user, actor=actor, role="support")
                pair = auth.start(user, "", "", clock.now())
                claims = tokens.read_access(pair.access_token, at=clock.now())
                people.append((user, claims.family))
            conversations = {}
            for program in programs:
                driver = drivers.invite_driver(
                    provider, actor=actor, given_name="Dora", family_name="Driver",
                    email=f"driver{len(conversations)}@bench.example",
                )  # fmt: skip
                talk = chat.open_conversation(
                    driver,
                    actor=Actor("user", driver.user_id, provider.pk),
                    author=chat.Author.driver(driver.user_id),
                    topic="other",
                    body="Hello?",
                )
                conversations[program] = talk.pk
        return World(conversations, people, provider.pk)
    finally:
        connections.close_all()
