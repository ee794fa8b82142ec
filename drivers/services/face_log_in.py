"""The face as the last step of a log-in: asked for where a company's rules say so, then shown.

Never the only factor: it follows a right password or code, and a second factor where there is one.
Not here: how photos are compared (`drivers.services.faces`), tokens (`fleets.services.auth`).
"""

from datetime import datetime, timedelta

from django.db import transaction

from drivers.errors import FaceEngineUnavailable, FaceNotRecognised
from drivers.faces import consent
from drivers.models import Driver, FaceCheck, FacePurpose, FaceResult, FaceTemplate
from drivers.services.faces import ATTEMPTS, GONE, check_face, prepare_photo
from fleets import audit, limits
from fleets.errors import FaceRequired, NoCredentials
from fleets.models import FleetPolicy, FleetProviderStatus
from fleets.services import auth, challenges
from fleets.services.challenges import Begun
from voltop import clock
from voltop.context import Actor

STEP = "face"
SELFIES = limits.Limit("face_log_in", 20, timedelta(hours=1))
RETRY_S = 60


def ask(begun: Begun, at: datetime) -> NoCredentials | None:
    """What a log-in that is right so far still waits for; None: nothing, or staff let it pass.

    Of several companies the strictest asks: always before a new phone, then the one that blocks
    without an engine, then the smallest distance. Who has enrolled nowhere is not asked, nor who
    agreed to a text that did not speak of log-in.
    """
    template = _asked_by(begun)
    if template is None or _let_pass(template, at):
        return None
    company = template.provider.name
    return challenges.ask(FaceRequired, begun, STEP, company=company)


def finish_log_in(*, challenge: str, photo: bytes, at: datetime | None = None) -> auth.TokenPair:
    """Tokens for the challenge of a log-in and a photo that shows its owner.

    Raises InvalidCredentials, FaceNotRecognised (401), FacePhotoRefused and what a file can be
    (400, 413, 415), FaceAttemptsUsedUp, TooManyAttempts (429), FaceEngineBusy, and where the
    company's rules block FaceEngineUnavailable (503).
    """
    at = at or clock.now()
    begun = challenges.read(challenge, STEP)
    limits.take(SELFIES, f"user:{begun.user.pk}", at=at)  # before anything is decoded
    template = _asked_by(begun)
    if template is not None and not _let_pass(template, at):
        _require_shown(template, begun, photo, at)
    return auth.finish(begun, at)


def _asked_by(begun: Begun) -> FaceTemplate | None:
    """The template of the company that asks this person for a face on this device."""
    asking = (
        FaceTemplate.objects.unscoped()
        .filter(driver__user=begun.user, consent_version__in=consent.OF_LOG_IN)
        .exclude(provider__policy__face_login=FleetPolicy.FaceLogin.NEVER)
        .exclude(provider__status=FleetProviderStatus.CLOSED)
        .exclude(driver__status__in=GONE)
        .select_related("driver", "provider__policy")
    )
    found = sorted(asking, key=_strictness)
    if found and not auth.is_known_device(begun.user.pk, begun.device_hash):
        return found[0]
    always = FleetPolicy.FaceLogin.ALWAYS
    return next((one for one in found if one.provider.policy.face_login == always), None)


def _strictness(template: FaceTemplate) -> tuple[object, ...]:
    policy = template.provider.policy
    return (
        policy.face_login != FleetPolicy.FaceLogin.ALWAYS,
        policy.face_unavailable != FleetPolicy.FaceUnavailable.BLOCK,
        policy.face_max_distance,
        template.pk,
    )


def _require_shown(template: FaceTemplate, begun: Begun, photo: bytes, at: datetime) -> None:
    driver = template.driver
    actor = Actor("user", begun.user.pk, driver.provider_id)
    check = check_face(
        driver,
        actor=actor,
        photo=prepare_photo(photo, actor=actor),
        purpose=FacePurpose.LOGIN,
        at=at,
    )
    if check.result == FaceResult.FAILED:
        left = max(0, ATTEMPTS - check.attempt)
        raise FaceNotRecognised(reason=check.refusal, attempts_left=left)
    blocks = template.provider.policy.face_unavailable == FleetPolicy.FaceUnavailable.BLOCK
    if check.result == FaceResult.UNAVAILABLE and blocks:
        raise FaceEngineUnavailable(retry_after_s=RETRY_S)


@transaction.atomic
def _let_pass(template: FaceTemplate, at: datetime) -> bool:
    """Whether staff set the check of a log-in aside: one of them lets one log-in pass. Audited."""
    driver = template.driver
    since = at - timedelta(hours=template.provider.policy.face_check_valid_h)
    unused = FaceCheck.objects.of(driver.pk, until=at).filter(
        purpose=FacePurpose.LOGIN,
        result=FaceResult.OVERRIDDEN,
        used_at__isnull=True,
        at__gt=since,
    )
    for check in unused:
        if FaceCheck.objects.filter(pk=check.pk, used_at__isnull=True).update(used_at=at):
            _note_use(driver, check, at)
            return True
    return False


def _note_use(driver: Driver, check: FaceCheck, at: datetime) -> None:
    audit.record(
        "face.let_pass",
        check,
        actor=Actor("user", driver.user_id, driver.provider_id),
        at=at,
        changes={"used_at": (None, at)},
        reason=check.reason,
    )
