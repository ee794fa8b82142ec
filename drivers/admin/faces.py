"""Faces in the admin: checks are read, set aside or cleared on the driver's page; no templates."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from drivers import services
from drivers.models import Driver, DriverStatus, FaceCheck, FaceTemplate
from fleets.admin.base import ReadOnlyAdmin, service_action
from voltop.context import Actor
from voltop.errors import given_reason

PERMISSION = "drivers.set_aside_facecheck"


def _set_aside(driver: Driver, actor: Actor, reason: str) -> FaceCheck:
    return services.set_aside_face_check(driver, actor=actor, reason=reason)


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
        _("Delete face"),
        PERMISSION,
        _delete_face,
        when=lambda driver, actor: FaceTemplate.objects.filter(driver=driver).exists(),
    ),
)
"""On a driver's own page and in the list."""


@admin.register(FaceCheck)
class FaceCheckAdmin(ReadOnlyAdmin):
    list_display = ("at", "driver", "result", "distance", "threshold", "refusal", "reason")
    list_filter = ("result",)
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
        ("actor", "reason"),
    )
