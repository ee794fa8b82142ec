"""Who is in a company for tests, and that nobody there is anybody.

Everybody of such a company is known by an e-mail address in a domain of its own, below one that
is reserved for examples (RFC 2606); telephone numbers are no log-in there. So no person is ever of
both worlds, a log-in name of a real person is never taken by somebody's tests, and whatever would
be sent to such a person can be told by the address: `fleets.messages` sends nothing.

Not here: opening, resetting and closing (`fleets.services.sandboxes`).
"""

from fleets.errors import SandboxAddress
from fleets.models import FleetProvider, User

DOMAIN = "sandbox.example"


def domain_of(provider: FleetProvider) -> str:
    """The domain of the e-mail addresses in a company for tests."""
    return f"c{provider.pk}.{DOMAIN}"


def is_fictional(person: User) -> bool:
    """Whether a person was made by a company for tests."""
    return (person.email or "").endswith(f".{DOMAIN}")


def own_names(
    provider_id: int | None, email: str | None, phone: str | None
) -> tuple[str | None, str | None]:
    """The log-in names that somebody new may have at a company, of those that were given.

    Raises SandboxAddress (400) for a foreign address in a company for tests, and for an address
    of such a company anywhere else.
    """
    rows = FleetProvider.objects.filter(pk=provider_id or 0, sandbox_of__isnull=False)
    company = rows.first()
    if company is None:
        if email and email.endswith(f".{DOMAIN}"):
            raise SandboxAddress(field="email", domain=email.rpartition("@")[2])
        return email, phone
    if not email or not email.endswith(f"@{domain_of(company)}"):
        raise SandboxAddress(field="email", domain=domain_of(company))
    return email, None


def require_apart(provider: FleetProvider, person: User) -> None:
    """Guard of whatever lets a person into a company. Raises SandboxAddress (400)."""
    if provider.is_sandbox != is_fictional(person):
        raise SandboxAddress(field="email", domain=DOMAIN)
