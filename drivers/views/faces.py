"""The API of faces: drivers enrol, check and delete their own; staff look, and set aside."""

from typing import ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from drivers import errors, services
from drivers.faces import consent
from drivers.faces.standing import face_needed
from drivers.filters import FaceCheckFilter, OwnFaceCheckFilter
from drivers.models import Driver, FaceCheck, FaceTemplate
from drivers.selectors import own_driver
from drivers.serializers import (
    FaceCheckInputSerializer,
    FaceCheckSerializer,
    FaceEnrolSerializer,
    FaceLogInSerializer,
    FaceSerializer,
    SetAsideSerializer,
)
from drivers.views.papers import BODY_MAX_BYTES
from fleets.errors import InvalidCredentials, TooManyAttempts
from fleets.models import FleetPolicy
from fleets.serializers.auth import TokenPairSerializer
from voltop import clock
from voltop.api.errors import InvalidBase64
from voltop.api.views import OpenView, OperationView
from voltop.api.viewsets import ListRetrieveViewSet, ListViewSet
from voltop.crypto import KeyDestroyed
from voltop.errors import ReasonRequired
from voltop.files import errors as file_errors

OWN = "drivers.own_face"
LOG_IN_MAX_BYTES = 2_800_000
"""One photo as base64, and what stands around it: whoever sends it is not known yet."""
LOOKED_AT = (
    InvalidBase64,
    *file_errors.OF_A_FILE,
    errors.NoDriverRecord,
    errors.DriverNotActive,
    errors.FacePhotoRefused,
    errors.FaceEngineBusy,
    TooManyAttempts,
    KeyDestroyed,
)


class OwnFaceView(OperationView):
    """A driver's own face: what is kept of it, enrolment with consent, deletion."""

    permissions = {"get": OWN, "post": OWN, "delete": OWN}
    input_serializers = {"post": FaceEnrolSerializer}
    output_serializers = {"get": FaceSerializer, "post": FaceSerializer}
    statuses = {"post": 201, "delete": 204}
    errors = {
        "get": (errors.NoDriverRecord,),
        "post": (
            *LOOKED_AT,
            errors.FaceConsentRequired,
            errors.FaceChecksOff,
            errors.FacePhotosDisagree,
            errors.FaceEngineUnavailable,
        ),
        "delete": (errors.NoDriverRecord,),
    }
    idempotency = "refused"  # a try that fails still counts; the same photos are the same template
    body_max_bytes: ClassVar[dict[str, int]] = {"post": BODY_MAX_BYTES}

    def get(self, request: Request) -> Response:
        """What is kept, whether the next start waits for a check, and the text to agree to."""
        return self._show(own_driver(self.actor))

    def post(self, request: Request) -> Response:
        """Enrol with 3 to 5 photos and consent to the text; the photos are not kept."""
        driver = own_driver(self.actor)
        values = self.read_input()
        photos = [
            services.prepare_photo(content, f"photos.{number}", actor=self.actor)
            for number, content in enumerate(values.pop("photos"))
        ]
        services.enrol_face(driver, actor=self.actor, photos=photos, **values)
        return self._show(driver, status=201)

    def delete(self, request: Request) -> Response:
        """Withdraw consent: what is kept of the face is deleted at once."""
        services.withdraw_face(own_driver(self.actor), actor=self.actor)
        return Response(status=204)

    def _show(self, driver: Driver, status: int = 200) -> Response:
        policy = FleetPolicy.objects.get(provider_id=driver.provider_id)
        template = FaceTemplate.objects.filter(driver=driver).first()
        shown = {
            "wanted": policy.wants_faces,
            "enrolled_at": template.created_at if template else None,
            "consented_at": template.consented_at if template else None,
            "consent_version": template.consent_version if template else "",
            "model": template.model if template else "",
            "check_needed": face_needed(driver, policy, clock.now()),
            "consent": {"version": consent.VERSION, "text": str(consent.TEXT)},
        }
        return Response(FaceSerializer(shown).data, status=status)


class FaceLogInView(OpenView):
    """The last step of a log-in where a company asks for it: its challenge, and a photo."""

    input_serializers = {"post": FaceLogInSerializer}
    output_serializers = {"post": TokenPairSerializer}
    errors = {
        "post": (
            InvalidCredentials,
            InvalidBase64,
            *file_errors.OF_A_FILE,
            errors.FacePhotoRefused,
            errors.FaceNotRecognised,
            errors.FaceNotEnrolled,
            errors.DriverNotActive,
            errors.FaceAttemptsUsedUp,
            errors.FaceEngineBusy,
            errors.FaceEngineUnavailable,
            TooManyAttempts,
            KeyDestroyed,
        )
    }
    body_max_bytes: ClassVar[dict[str, int]] = {"post": LOG_IN_MAX_BYTES}

    def post(self, request: Request) -> Response:
        pair = services.finish_log_in(**self.read_input())
        return Response(TokenPairSerializer(pair).data)


class OwnFaceCheckViewSet(ListViewSet):
    """A driver's own face checks."""

    queryset = FaceCheck.objects.all()
    serializer_class = FaceCheckSerializer
    filterset_class = OwnFaceCheckFilter
    ordering = ("-id",)
    permissions = {"list": OWN, "create": OWN}
    input_serializers = {"create": FaceCheckInputSerializer}
    errors = {"create": (*LOOKED_AT, errors.FaceNotEnrolled, errors.FaceAttemptsUsedUp)}
    idempotency = "refused"  # a try that fails still counts; the same photo is the same check
    body_max_bytes: ClassVar[dict[str, int]] = {"create": BODY_MAX_BYTES}

    def narrow_queryset(self, rows: QuerySet[FaceCheck]) -> QuerySet[FaceCheck]:
        return rows.filter(driver__user_id=self.actor.id or 0)

    def create(self, request: Request) -> Response:
        """Show your face: passed, failed (three times at most) or unavailable."""
        driver = own_driver(self.actor)
        photo = services.prepare_photo(self.read_input()["photo"], actor=self.actor)
        check = services.check_face(driver, actor=self.actor, photo=photo)
        return self.respond(check, status=201)


class FaceCheckViewSet(ListRetrieveViewSet):
    """Face checks of all drivers, and staff's word in their place."""

    queryset = FaceCheck.objects.all()
    serializer_class = FaceCheckSerializer
    filterset_class = FaceCheckFilter
    ordering = ("-id",)
    permissions = {
        "list": "drivers.view_facecheck",
        "retrieve": "drivers.view_facecheck",
        "create": "drivers.set_aside_facecheck",
    }
    input_serializers = {"create": SetAsideSerializer}
    errors = {"create": (ReasonRequired, errors.OwnFaceCheck, errors.DriverNotActive)}

    def create(self, request: Request) -> Response:
        """Set a driver's face check aside: they may start as if it had passed. Needs a reason."""
        values = self.read_input()
        check = services.set_aside_face_check(values.pop("driver"), actor=self.actor, **values)
        return self.respond(check, status=201)
