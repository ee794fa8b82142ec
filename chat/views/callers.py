"""Who talks: people alone."""

from voltop.context import Actor
from voltop.errors import PermissionDenied


def person(actor: Actor) -> int:
    """The user id of the caller. Raises PermissionDenied: machines do not talk."""
    if actor.kind != "user" or actor.id is None:
        raise PermissionDenied()
    return actor.id
