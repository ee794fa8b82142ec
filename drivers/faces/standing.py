"""Whether a driver has to show their face before a start, and whether they have."""

from datetime import datetime, timedelta

from django.db.models import Min

from drivers.models import GOOD, Driver, FaceCheck, FaceResult
from drivers.papers import today_at
from fleets.models import FleetPolicy, RefreshFamily
from voltop import crypto

Asked = FleetPolicy.FaceCheck


def face_needed(driver: Driver, policy: FleetPolicy, at: datetime) -> bool:
    """Whether a start waits for a face check at an instant, by the company's rules."""
    return _is_asked(driver, policy, at) and not _has_shown(driver, policy, at)


def _has_shown(driver: Driver, policy: FleetPolicy, at: datetime) -> bool:
    """A good check is recent enough; or none could be made, and the company lets that through."""
    since = at - timedelta(hours=policy.face_check_valid_h)
    recent = FaceCheck.objects.of(driver.pk, until=at).before_starts().filter(at__gt=since)
    results = set(recent.values_list("result", flat=True))
    if results & set(GOOD):
        return True
    allows = policy.face_unavailable == FleetPolicy.FaceUnavailable.ALLOW
    return allows and FaceResult.UNAVAILABLE in results


def _is_asked(driver: Driver, policy: FleetPolicy, at: datetime) -> bool:
    if policy.face_check == Asked.RANDOM:
        return _is_drawn(driver, policy.face_check_pct, at)
    if policy.face_check == Asked.NEW_PHONE:
        return _has_new_phone(driver, at)
    return policy.face_check == Asked.ALWAYS


def _is_drawn(driver: Driver, pct: int, at: datetime) -> bool:
    """A lot by driver and local day: nobody foresees it, and trying again changes nothing."""
    day = today_at(driver.provider, at)
    lot = crypto.fingerprint(f"{driver.pk}|{day}", "face_check_day")
    return int.from_bytes(lot[:4]) % 100 < pct


def _has_new_phone(driver: Driver, at: datetime) -> bool:
    """A log-in that lives, on a phone that was first seen after the last passed check.

    A log-in without a phone's id is a new phone's each time.
    """
    checks = FaceCheck.objects.of(driver.pk, until=at).before_starts()
    passed = checks.filter(result=FaceResult.PASSED).first()
    families = RefreshFamily.objects.filter(user_id=driver.user_id, created_at__lte=at)
    living = families.filter(revoked_at__isnull=True, expires_at__gt=at)
    if passed is None:
        return living.exists()
    if living.filter(device_hash="", created_at__gt=passed.at).exists():
        return True
    first_seen = families.exclude(device_hash="").values("device_hash")
    new = first_seen.annotate(first_at=Min("created_at")).filter(first_at__gt=passed.at)
    return living.filter(device_hash__in=new.values("device_hash")).exists()
