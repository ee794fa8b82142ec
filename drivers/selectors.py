"""Reads that join drivers with what they stand on."""

from collections.abc import Iterable

from django.db.models import Q

from drivers.errors import NoDriverRecord
from drivers.models import Driver, DriverStatus
from fleets.models import ExternalRef, FleetProviderStatus, User
from voltop.context import Actor


def own_driver(actor: Actor) -> Driver:
    """The acting person's own record at the active provider, whatever its state.

    Raises NoDriverRecord (409) for people who do not drive for it, and for machines.
    """
    records = Driver.objects.for_provider(actor.provider_id)
    own = records.of_user(actor.id) if actor.kind == "user" and actor.id else records.none()
    driver = own.select_related("depot", "provider__policy").first()
    if driver is None:
        raise NoDriverRecord()
    return driver


def driver_named(provider_id: int, text: str) -> int | None:
    """The id of the company's driver whom a cell of a file means; None without exactly one.

    By another system's key (`system:id`), employee number, e-mail address or phone number.
    """
    drivers = Driver.objects.for_provider(provider_id)
    system, colon, external_id = text.partition(":")
    if colon:
        refs = ExternalRef.objects.for_provider(provider_id).filter(
            object_type=Driver._meta.label_lower, system=system, external_id=external_id
        )
        found = drivers.filter(pk__in=refs.values("object_id"))
    else:
        found = drivers.filter(
            Q(employee_number=text) | Q(email=text.lower()) | Q(phone=text.replace(" ", ""))
        )
    keys = list(found.values_list("pk", flat=True)[:2])
    return keys[0] if len(keys) == 1 else None


def roles_of_user(user: User) -> Iterable[tuple[int, str, bool]]:
    """A person's driver records let them in with role "driver", at each provider.

    Joined is who has acted there themselves, whatever staff have done with the record.
    Suspended, leaving and terminated drivers keep the role: what they may still do is decided
    where it is done.
    """
    records = (
        Driver.objects.unscoped()
        .of_user(user.pk)
        .exclude(provider__status=FleetProviderStatus.CLOSED)
    )
    found = records.values_list("provider_id", "joined_at")
    return [(provider_id, "driver", joined_at is not None) for provider_id, joined_at in found]


def blockers_of_provider(provider: object) -> list[dict[str, object]]:
    """What of drivers stands in the way of closing a provider: people still employed."""
    count = (
        Driver.objects.for_provider(getattr(provider, "pk", None))
        .exclude(status=DriverStatus.TERMINATED)
        .count()
    )
    return [{"code": "drivers_employed", "count": count}] if count else []
