"""Who speaks in a conversation."""

from dataclasses import dataclass

from chat.models import AuthorKind


@dataclass(frozen=True, slots=True)
class Author:
    """Who speaks: a driver or a person of the staff by user id, or the system."""

    kind: AuthorKind
    user_id: int | None = None

    @classmethod
    def driver(cls, user_id: int) -> "Author":
        return cls(AuthorKind.DRIVER, user_id)

    @classmethod
    def staff(cls, user_id: int) -> "Author":
        return cls(AuthorKind.STAFF, user_id)

    @classmethod
    def system(cls) -> "Author":
        return cls(AuthorKind.SYSTEM)
