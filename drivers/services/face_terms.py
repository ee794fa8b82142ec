"""The term of what is kept of faces: thirty days after somebody leaves, nothing is; nor thirty days
after their company stopped asking.

Rung daily, also after days without a bell; what is deleted is not found again.
"""

from datetime import datetime, timedelta

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from drivers.faces.consent import KEPT_DAYS_AFTER_ASKING, KEPT_DAYS_AFTER_LEAVING
from drivers.models import Driver, DriverEvent, DriverStatus, FaceCheck
from drivers.services.faces import GONE, withdraw_face
from fleets.models import AuditEntry, FleetPolicy, FleetProvider
from voltop import clock, jobs
from voltop.context import Actor

TASK = "drivers.forget_faces"
ASKED_BY = ("face_check", "face_login")
"""The values of a policy that say whether faces are asked for."""


def forget_faces(at: datetime | None = None) -> int:
    """Delete the templates whose term is over, company by company; how many.

    Also at companies that are suspended or closed.
    """
    at = at or clock.now()
    forgotten = 0
    with jobs.apart(TASK, at=at) as pieces:
        for provider in FleetProvider.objects.order_by("pk"):
            with pieces.of(provider.pk):
                forgotten += _forget_unasked(provider.pk, at) + _forget_gone(provider.pk, at)
    return forgotten


def _forget_unasked(provider_id: int, at: datetime) -> int:
    """Of everybody, where no rule has asked for faces for thirty days."""
    by = at - timedelta(days=KEPT_DAYS_AFTER_ASKING)
    if not _asks_no_more(provider_id, by):
        return 0
    drivers = _with_something_left(provider_id).filter(_nothing_since(by))
    return _forget(drivers, f"not asked for {KEPT_DAYS_AFTER_ASKING} days", at)


def _forget_gone(provider_id: int, at: datetime) -> int:
    """Of those who began to leave thirty days ago."""
    by = at - timedelta(days=KEPT_DAYS_AFTER_LEAVING)
    return _forget(_gone(provider_id, by), f"left {KEPT_DAYS_AFTER_LEAVING} days ago", at)


def _forget(drivers: QuerySet[Driver], reason: str, at: datetime) -> int:
    return sum(
        withdraw_face(
            driver,
            actor=Actor.system("faces", driver.provider_id),
            reason=reason,
            at=at,
        )
        for driver in drivers
    )


def _asks_no_more(provider_id: int, by: datetime) -> bool:
    """Whether no rule asks, and none was changed since: the audit trail has every change."""
    policy = FleetPolicy.objects.get(provider_id=provider_id)
    changed = AuditEntry.objects.for_provider(provider_id).filter(
        object_type=policy._meta.label_lower,
        object_id=str(policy.pk),
        changes__has_any_keys=ASKED_BY,
        at__gt=by,
    )
    return not policy.wants_faces and not changed.exists()


def _nothing_since(by: datetime) -> Q:
    """A face enrolled after that was asked for after that."""
    return Q(face_template__isnull=True) | Q(face_template__consented_at__lte=by)


def _with_something_left(provider_id: int) -> QuerySet[Driver]:
    hashed = FaceCheck.objects.filter(image_hash__isnull=False).values("driver")
    left = Q(face_template__isnull=False) | Q(pk__in=hashed)
    return Driver.objects.for_provider(provider_id).filter(left).order_by("pk")


def _gone(provider_id: int, by: datetime) -> QuerySet[Driver]:
    """Who began to leave (or was let go before) by then, and of whom something is left."""
    moves = DriverEvent.objects.filter(driver=OuterRef("pk")).order_by("-at", "-pk").values("at")
    left_at = Coalesce(
        Subquery(moves.filter(to_state=DriverStatus.LEAVING)[:1]),
        Subquery(moves.filter(to_state=DriverStatus.TERMINATED)[:1]),
    )
    return (
        _with_something_left(provider_id)
        .filter(status__in=GONE)
        .annotate(left_at=left_at)
        .filter(left_at__lte=by)
    )
