"""A driver's face: the template that photos are compared with, and each comparison."""

from typing import Any

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from drivers.models.drivers import Driver
from drivers.querysets import FaceCheckQuerySet
from fleets.models import ProviderModel
from voltop import ids

HASH_BYTES = 32


class FaceTemplate(ProviderModel):
    """The one template of a driver: 128 floats, sealed under its own key and the driver's.

    None without consent: to which text, and when. `photos_hash` holds a keyed hash of each photo
    it was made of, one behind the other, so that none of them passes for a selfie; the photos are
    not kept. `anew`: the driver had one before, which was deleted. Embeddings of another `model`
    are never compared with it.
    """

    uuid = models.UUIDField(unique=True, default=ids.uuid7, editable=False)
    driver = models.OneToOneField(Driver, models.PROTECT, related_name="face_template")
    sealed = models.BinaryField(editable=False)
    photos_hash = models.BinaryField(editable=False)
    model = models.CharField(max_length=40)
    engine = models.CharField(max_length=40)
    consent_version = models.CharField(max_length=16)
    consented_at = models.DateTimeField()
    anew = models.BooleanField(default=False)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="drivers_face_consented",
                condition=~Q(consent_version="") & Q(consented_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"face of driver {self.driver_id}"

    @property
    def photo_hashes(self) -> set[bytes]:
        joined = bytes(self.photos_hash)
        return {joined[n : n + HASH_BYTES] for n in range(0, len(joined), HASH_BYTES)}


class FacePurpose(models.TextChoices):
    SHIFT_START = "shift_start", _("start of a shift")
    LOGIN = "login", _("log-in")


class FaceResult(models.TextChoices):
    PASSED = "passed", _("passed")
    FAILED = "failed", _("failed")
    UNAVAILABLE = "unavailable", _("could not be made")
    OVERRIDDEN = "overridden", _("set aside by staff")


class Liveness(models.TextChoices):
    NOT_CHECKED = "not_checked", _("not checked")


GOOD = (FaceResult.PASSED, FaceResult.OVERRIDDEN)


def _positive(**kwargs: Any) -> "models.PositiveSmallIntegerField":
    return models.PositiveSmallIntegerField(null=True, editable=False, **kwargs)


class FaceCheck(ProviderModel):
    """One comparison of a selfie with the template, or staff's word in its place; never changed.

    `distance` ≤ `threshold` is a pass. `refusal` is the code of why not: face_mismatch,
    face_image_replayed, face_engine_unavailable. `attempt` counts failures in a row. `image_hash`
    is a keyed hash of the selfie, which is not kept. Measures as in `drivers.faces.Face`.
    `actor` and `reason`: of whoever set it aside. One set aside for a log-in lets one pass:
    `used_at` is when.
    """

    Result = FaceResult

    driver = models.ForeignKey(Driver, models.PROTECT, related_name="face_checks")
    purpose = models.CharField(
        max_length=16, choices=FacePurpose, default=FacePurpose.SHIFT_START, editable=False
    )
    result = models.CharField(max_length=16, choices=FaceResult, editable=False)
    refusal = models.CharField(max_length=32, blank=True, editable=False)
    attempt = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(100)], editable=False
    )
    distance = models.FloatField(null=True, editable=False)
    threshold = models.FloatField(null=True, editable=False)
    face_width_px = _positive()
    sharpness = models.FloatField(null=True, editable=False)
    light = _positive()
    engine = models.CharField(max_length=40, blank=True, editable=False)
    liveness = models.CharField(
        max_length=16, choices=Liveness, default=Liveness.NOT_CHECKED, editable=False
    )
    image_hash = models.BinaryField(null=True, editable=False)
    actor = models.CharField(max_length=64, editable=False)
    reason = models.CharField(max_length=500, blank=True, editable=False)
    at = models.DateTimeField(editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

    objects = FaceCheckQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="drivers_facecheck_result_known", condition=Q(result__in=FaceResult.values)
            ),
            models.CheckConstraint(
                name="drivers_facecheck_within",
                condition=~Q(result="passed")
                | Q(distance__isnull=False, threshold__isnull=False, distance__lte=F("threshold")),
            ),
            models.CheckConstraint(
                name="drivers_facecheck_refused_why",
                condition=Q(result__in=("failed", "unavailable")) ^ Q(refusal=""),
            ),
            models.CheckConstraint(
                name="drivers_facecheck_set_aside_why",
                condition=Q(result="overridden") ^ Q(reason=""),
            ),
            models.CheckConstraint(
                name="drivers_facecheck_used_once",
                condition=Q(used_at__isnull=True) | Q(result="overridden", purpose="login"),
            ),
            models.UniqueConstraint(
                fields=["driver", "image_hash"],
                condition=~Q(refusal="face_image_replayed"),
                name="drivers_facecheck_image_once",
            ),
        ]
        indexes = [
            models.Index(fields=["driver", "-at"], name="drivers_facecheck_latest"),
            models.Index(fields=["provider", "image_hash"], name="drivers_facecheck_image"),
            models.Index(fields=["provider", "result", "at"], name="drivers_facecheck_by_result"),
        ]
        permissions = [
            ("set_aside_facecheck", "Can set a face check aside and delete a driver's template"),
            ("own_face", "Can enrol, check, see and delete one's own face"),
        ]

    def __str__(self) -> str:
        return str(self.get_result_display())
