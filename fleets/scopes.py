"""What an API client may be granted: scopes `module:read`, `module:write`, and special ones.

Each app declares its own under the registry point `API_SCOPES`: a mapping from scope to the
codenames of that app's permissions. What no app declares cannot be granted. Approval is never for
machines: a scope that names such a permission is refused when the server starts.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from fleets.errors import UnknownScope
from voltop import registry

API_SCOPES: Mapping[str, tuple[str, ...]] = {
    "fleets:read": ("view_fleetprovider", "view_fleetpolicy", "view_depot", "view_externalref"),
    "fleets:write": (
        "add_depot",
        "change_depot",
        "add_externalref",
        "change_externalref",
        "delete_externalref",
    ),
    "fleets.imports:read": ("view_dataimport", "view_dataimportproblem"),
    "fleets.imports:write": ("add_dataimport",),
    "fleets.sandbox:write": ("reset_sandbox",),
    "fleets.events:read": ("view_events",),
    "fleets.webhooks:read": ("view_webhookendpoint", "view_webhookdelivery"),
    "fleets.webhooks:write": (
        "add_webhookendpoint",
        "change_webhookendpoint",
        "delete_webhookendpoint",
        "change_webhookdelivery",
    ),
}
"""Those of fleets. People, roles, clients and the audit trail are not for machines."""

NEVER_FOR_MACHINES = ("approve_", "activate_", "override_")


def of_fleets() -> Mapping[str, tuple[str, ...]]:
    """The answer of fleets at the registry point."""
    return API_SCOPES


@lru_cache(maxsize=1)
def all_scopes() -> dict[str, frozenset[str]]:
    """Every scope that can be granted, with the permissions ("app.codename") it opens."""
    found: dict[str, frozenset[str]] = {}
    for label, declared in sorted(registry.collect(registry.API_SCOPES).items()):
        for scope, codenames in declared().items():
            if scope.partition(":")[0].partition(".")[0] != label:
                raise RuntimeError(f"{label} declares a scope of another module: {scope}")
            refused = [name for name in codenames if name.startswith(NEVER_FOR_MACHINES)]
            if refused:
                raise RuntimeError(f"{scope} would let a machine decide: {refused}")
            found[scope] = frozenset(f"{label}.{name}" for name in codenames)
    return found


def permissions_of(granted: Iterable[str]) -> frozenset[str]:
    """The permissions that a set of scopes opens; scopes no longer known open nothing."""
    known = all_scopes()
    return frozenset().union(*(known.get(scope, frozenset()) for scope in granted))


def require_known(wanted: Iterable[str]) -> list[str]:
    """The scopes, sorted and without repeats; raises UnknownScope (400) naming the others."""
    wanted = sorted(set(wanted))
    unknown = [scope for scope in wanted if scope not in all_scopes()]
    if unknown:
        raise UnknownScope(field="scopes", scopes=unknown)
    return wanted
