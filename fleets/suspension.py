"""What is left of a role, or of a program's scopes, while its company is suspended.

Its people look, finish what runs, talk, and see to it that everybody is paid; they begin nothing,
and see no telemetry (which goes on being stored). Each app says in its `roles.py` what of its own
that is; everything else but looking is gone, in API, admin and jobs alike, until the company is
active again. Platform staff are not concerned. Not here: the guard of the services that begin
something (`fleets.services.require_active`), which holds for everybody.
"""

from collections.abc import Iterable, Mapping

from voltop import registry

WHILE_SUSPENDED: Mapping[str, tuple[str, ...]] = {
    "kept": (
        "change_inboxitem",
        "change_membership",  # whoever leaves is let go
        "reveal_auditentry",
        "delete_apiclient",
        "delete_webhookendpoint",
    ),
    "hidden": (),
}


def of_fleets() -> Mapping[str, tuple[str, ...]]:
    return WHILE_SUSPENDED


def kept_while_suspended(permissions: Iterable[str]) -> set[str]:
    """Those of the permissions ("app.codename") that a suspended company's people keep."""
    rules = registry.collect(registry.WHILE_SUSPENDED)
    left = set()
    for permission in permissions:
        label, _, codename = permission.partition(".")
        rule = rules[label]() if label in rules else {"kept": (), "hidden": ()}
        looks = codename.startswith("view_") and codename not in rule["hidden"]
        if looks or codename in rule["kept"]:
            left.add(permission)
    return left
