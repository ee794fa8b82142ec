"""What of one's own account a phone may queue: that a notice was read."""

from typing import Any

from fleets.models import Notice
from fleets.services import notices
from voltop.api.fields import INT8_MAX, StrictIntegerField
from voltop.api.offline import Occurrence, OfflineKind
from voltop.api.permissions import PERSON
from voltop.api.serializers import Serializer
from voltop.context import Actor


class QueuedNoticeSerializer(Serializer):
    notice = StrictIntegerField(min_value=1, max_value=INT8_MAX)


def kinds() -> list[OfflineKind]:
    return [OfflineKind("notice.read", PERSON, QueuedNoticeSerializer, _read)]


def _read(driver: Any, actor: Actor, values: dict[str, Any], event: Occurrence) -> Notice:
    """A notice was read when the phone showed it."""
    at = min(event.occurred_at, event.at)
    return notices.mark_read(driver.user, values["notice"], at=at)
