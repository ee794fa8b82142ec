"""What drivers do on news from below. Idempotent and order-free; nothing here refuses."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from drivers.models import Driver, DriverStatus
from drivers.services import onboard_driver
from fleets.models import User
from fleets.signals import invitation_accepted
from voltop.context import Actor


@receiver(invitation_accepted, dispatch_uid="drivers.invitation_accepted")
def onboard(sender: Any, *, user: User, provider_id: int | None, at: datetime, **_: Any) -> None:
    """Whoever accepts a company's invitation has answered it: invited → onboarding."""
    invited = Driver.objects.for_provider(provider_id).of_user(user.pk)
    for driver in invited.filter(status=DriverStatus.INVITED):
        onboard_driver(driver, actor=Actor("user", user.pk, provider_id), at=at)
