"""Reads that join drivers with what they stand on."""

from collections.abc import Iterable

from drivers.models import Driver, DriverStatus
from fleets.models import FleetProviderStatus, User


def roles_of_user(user: User) -> Iterable[tuple[int, str]]:
    """A person's driver records let them in with role "driver", at each provider.

    Suspended, leaving and terminated drivers keep the role: what they may still do is decided
    where it is done.
    """
    records = (
        Driver.objects.unscoped()
        .of_user(user.pk)
        .exclude(provider__status=FleetProviderStatus.CLOSED)
    )
    return [
        (provider_id, "driver") for provider_id in records.values_list("provider_id", flat=True)
    ]


def blockers_of_provider(provider: object) -> list[dict[str, object]]:
    """What of drivers stands in the way of closing a provider: people still employed."""
    count = (
        Driver.objects.for_provider(getattr(provider, "pk", None))
        .exclude(status=DriverStatus.TERMINATED)
        .count()
    )
    return [{"code": "drivers_employed", "count": count}] if count else []
