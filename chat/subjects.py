"""What a conversation can be about: kinds that higher apps register, never known here.

An app registers, under `registry.CONVERSATION_SUBJECTS` and its own model label (e.g.
"payments.paymentline"), a function `(object_id, provider_id) -> Subject | None`.
"""

from dataclasses import dataclass

from chat.errors import UnknownSubject
from drivers.models import Driver
from voltop import registry


@dataclass(frozen=True, slots=True)
class Subject:
    """An object as a conversation shows it: a label, its admin address, whose it is (or None)."""

    label: str
    url: str
    driver_id: int | None = None


def find_subject(about_type: str, about_id: int | None, provider_id: int) -> Subject | None:
    """The subject, or None where the kind or the object is not (or no longer) there."""
    if not about_type or about_id is None:
        return None
    function = registry.collect(registry.CONVERSATION_SUBJECTS).get(about_type)
    found: Subject | None = function(about_id, provider_id) if function else None
    return found


def require_subject(about_type: str, about_id: int | None, driver: Driver) -> None:
    """A driver talks about what is there and theirs. Raises UnknownSubject (400)."""
    if not about_type and about_id is None:
        return
    subject = find_subject(about_type, about_id, driver.provider_id)
    if subject is None or subject.driver_id not in (None, driver.pk):
        raise UnknownSubject(field="about_id", about_type=about_type)
