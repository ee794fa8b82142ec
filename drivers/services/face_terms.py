"""The term of what is kept of faces: thirty days after somebody leaves, nothing is.

Rung daily, also after days without a bell; what is deleted is not found again.
"""

from datetime import datetime, timedelta

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from drivers.faces.consent import KEPT_DAYS_AFTER_LEAVING
from drivers.models import Driver, DriverEvent, DriverStatus, FaceCheck
from drivers.services.faces import GONE, withdraw_face
from fleets.models import FleetProvider
from voltop import clock, jobs
from voltop.context import Actor

TASK = "drivers.forget_faces"


def forget_faces(at: datetime | None = None) -> int:
    """Delete the templates of all who left thirty days ago, company by company; how many.

    Also at companies that are suspended or closed.
    """
    at = at or clock.now()
    forgotten = 0
    with jobs.apart(TASK, at=at) as pieces:
        for provider in FleetProvider.objects.order_by("pk"):
            with pieces.of(provider.pk):
                actor = Actor.system("faces", provider.pk)
                for driver in _gone(provider.pk, at - timedelta(days=KEPT_DAYS_AFTER_LEAVING)):
                    reason = f"left {KEPT_DAYS_AFTER_LEAVING} days ago"
                    forgotten += withdraw_face(driver, actor=actor, reason=reason, at=at)
    return forgotten


def _gone(provider_id: int, by: datetime) -> QuerySet[Driver]:
    """Who began to leave (or was let go before) by then, and of whom something is left."""
    moves = DriverEvent.objects.filter(driver=OuterRef("pk")).order_by("-at", "-pk").values("at")
    left_at = Coalesce(
        Subquery(moves.filter(to_state=DriverStatus.LEAVING)[:1]),
        Subquery(moves.filter(to_state=DriverStatus.TERMINATED)[:1]),
    )
    hashed = FaceCheck.objects.filter(image_hash__isnull=False).values("driver")
    return (
        Driver.objects.for_provider(provider_id)
        .filter(Q(face_template__isnull=False) | Q(pk__in=hashed), status__in=GONE)
        .annotate(left_at=left_at)
        .filter(left_at__lte=by)
        .order_by("pk")
    )
