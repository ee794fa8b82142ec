"""What drivers do on news from below. Idempotent and order-free; nothing here refuses."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from drivers.models import Driver, DriverStatus
from drivers.services import activate_when_complete, join_driver, onboard_driver
from drivers.signals import driver_moved
from fleets.models import User
from fleets.signals import invitation_accepted, joined
from voltop.context import Actor


@receiver(invitation_accepted, dispatch_uid="drivers.invitation_accepted")
def onboard(sender: Any, *, user: User, provider_id: int | None, at: datetime, **_: Any) -> None:
    """Whoever accepts a company's invitation has answered it: invited → onboarding."""
    invited = Driver.objects.for_provider(provider_id).of_user(user.pk)
    for driver in invited.filter(status=DriverStatus.INVITED):
        onboard_driver(driver, actor=Actor("user", user.pk, provider_id), at=at)


@receiver(joined, dispatch_uid="drivers.joined")
def join(sender: Any, *, user: User, provider_id: int, at: datetime, **_: Any) -> None:
    """Whoever acts at a company has taken their record there up."""
    waiting = Driver.objects.for_provider(provider_id).of_user(user.pk)
    for driver in waiting.filter(joined_at__isnull=True):
        join_driver(driver, actor=Actor("user", user.pk, provider_id), at=at)


@receiver(driver_moved, dispatch_uid="drivers.driver_moved")
def activate(
    sender: Any, *, driver: Driver, to_state: str, actor: Actor, at: datetime, **_: Any
) -> None:
    """Whoever begins onboarding with all papers approved is done with it: onboarding → active."""
    if to_state == DriverStatus.ONBOARDING:
        activate_when_complete(driver, actor=actor, at=at)
