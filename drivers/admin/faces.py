"""Faces in the admin: checks are read, set aside or cleared on the driver's page; no templates."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from drivers import services
from drivers.models import Driver, DriverStatus, FaceCheck, FacePurpose, FaceTemplate
from drivers.services.faces import GONE
from fleets.admin.base import ReadOnlyAdmin, service_action
from fleets.models import FleetPolicy
from voltop.context import Actor
from voltop.errors import given_reason

PERMISSION = "drivers.set_aside_facecheck"


def _set_aside(driver: Driver, actor: Actor, reason: str) -> FaceCheck:
    return services.set_aside_face_check(driver, actor=actor, reason=reason)


def _let_log_in(driver: Driver, actor: Actor, reason: str) -> FaceCheck:
    purpose = FacePurpose.LOGIN
    return services.set_aside_face_check(driver, actor=actor, reason=reason, purpose=purpose)


def _may_be_asked(driver: Driver, actor: Actor) -> bool:
    """Who has a face to show at log-in, but oneself."""
    asking = FaceTemplate.objects.filter(driver=driver).exclude(
        provider__policy__face_login=FleetPolicy.FaceLogin.NEVER
    )
    return driver.user_id != actor.id and driver.status not in GONE and asking.exists()


def _may_start(driver: Driver, actor: Actor) -> bool:
    """Who starts shifts, but oneself."""
    return driver.status == DriverStatus.ACTIVE and driver.user_id != actor.id


def _delete_face(driver: Driver, actor: Actor, reason: str) -> bool:
    return services.withdraw_face(driver, actor=actor, reason=given_reason(reason))


FACE_ACTIONS = (
    service_action(
        _("Set face check aside"),
        PERMISSION,
        _set_aside,
        when=_may_start,
    ),
    service_action(
        _("Let log in once without face"),
        PERMISSION,
        _let_log_in,
        when=_may_be_asked,
    ),
    service_action(
        _("Delete face"),
        PERMISSION,
        _delete_face,
        when=lambda driver, actor: FaceTemplate.objects.filter(driver=driver).exists(),
    ),
)
"""On a driver's own page and in the list."""


@admin.register(FaceCheck)
class FaceCheckAdmin(ReadOnlyAdmin):
    list_display = (
        "at",
        "driver",
        "purpose",
        "result",
        "distance",
        "threshold",
        "refusal",
        "reason",
    )
    list_filter = ("purpose", "result")
    list_select_related = ("driver",)
    search_fields = ("driver__given_name", "driver__family_name", "driver__employee_number")
    ordering = ("-id",)
    fields = (
        "driver",
        "at",
        "purpose",
        "result",
        "refusal",
        ("distance", "threshold", "attempt"),
        ("face_width_px", "sharpness", "light"),
        ("engine", "liveness"),
        ("actor", "reason", "used_at"),
    )
