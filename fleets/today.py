"""What of notices stands in `me/today`: how many are unread, and the newest of them."""

from datetime import datetime
from typing import Any

from django.db.models import Count, Q, Window

from fleets.models import Notice
from fleets.services.notices import zone_of
from voltop.api.fields import InstantField, StrictCharField, StrictIntegerField
from voltop.api.permissions import PERSON
from voltop.api.serializers import Serializer
from voltop.notices import all_kinds, words
from voltop.today import Part

MOST = 5


class NoticeTodaySerializer(Serializer):
    id = StrictIntegerField(min_value=1)
    kind = StrictCharField(max_length=64)
    subject = StrictCharField(max_length=120)
    text = StrictCharField(max_length=240)
    at = InstantField()


class NoticesTodaySerializer(Serializer):
    unread = StrictIntegerField(min_value=0)
    latest = NoticeTodaySerializer(many=True)


def parts() -> list[Part]:
    return [Part(PERSON, {"notices": NoticesTodaySerializer}, _notices, spare=True)]


def _notices(driver: Any, at: datetime) -> dict[str, Any]:
    """Of the driver's company, and of their own account."""
    company = Q(provider_id=driver.provider_id) | Q(provider__isnull=True)
    unread = Notice.objects.filter(company, user=driver.user_id, read_at__isnull=True)
    counted = unread.annotate(unread=Window(Count("*")))
    latest = list(counted.select_related("user", "provider").order_by("-id")[:MOST])
    for notice in latest:
        notice.provider = notice.provider or driver.provider  # whose clock an account's own has
    told = [_told(notice) for notice in latest]
    return {"notices": {"unread": latest[0].unread if latest else 0, "latest": told}}


def _told(notice: Notice) -> dict[str, Any]:
    kind = all_kinds().get(notice.kind)
    subject, text = words(kind, notice.params, zone_of(notice)) if kind else (notice.kind, "")
    return {
        "id": notice.pk,
        "kind": notice.kind,
        "subject": subject[:120],
        "text": text[:240],
        "at": notice.at,
    }
