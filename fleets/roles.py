"""What each role may do: Django permissions given by groups that are seeded after each migrate.

An app declares its own rows in its `roles.py` and registers them under `ROLE_PERMISSIONS`; here
are those of fleets, and the seeding. A group is named `role:<name>`; people are never put into
these groups: `fleets.backends` looks at the roles held at the active provider.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.apps import AppConfig

from voltop import registry

STAFF_ROLES = ("owner", "manager", "dispatcher", "accountant", "support", "viewer")
ALL_ROLES = (*STAFF_ROLES, "driver")

_INBOX = ("view_inboxitem", "change_inboxitem")
"""For whoever does some work; which items they see say the kinds' own permissions."""

ROLE_PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "owner": (
        "view_fleetprovider",
        "change_fleetprovider",
        "reset_sandbox",
        "view_fleetpolicy",
        "change_fleetpolicy",
        "view_membership",
        "add_membership",
        "change_membership",
        "view_user",
        "view_externalref",
        "add_externalref",
        "change_externalref",
        "delete_externalref",
        "view_dataimport",
        "view_dataimportproblem",
        "add_dataimport",
        "view_depot",
        "add_depot",
        "change_depot",
        "view_auditentry",
        "reveal_auditentry",
        "view_auditseal",
        *_INBOX,
        "view_events",
        "view_webhookendpoint",
        "add_webhookendpoint",
        "change_webhookendpoint",
        "delete_webhookendpoint",
        "view_webhookendpointevent",
        "view_webhookdelivery",
        "change_webhookdelivery",
        "view_apiclient",
        "add_apiclient",
        "change_apiclient",
        "delete_apiclient",
    ),
    "manager": (
        "view_fleetprovider",
        "view_fleetpolicy",
        "change_fleetpolicy",
        "view_membership",
        "view_user",
        "view_externalref",
        "add_externalref",
        "change_externalref",
        "delete_externalref",
        "view_dataimport",
        "view_dataimportproblem",
        "add_dataimport",
        "view_depot",
        "add_depot",
        "change_depot",
        "view_auditentry",
        "view_auditseal",
        *_INBOX,
        "view_events",
        "view_webhookendpoint",
        "view_webhookendpointevent",
        "view_webhookdelivery",
    ),
    "dispatcher": (
        "view_fleetprovider",
        "view_fleetpolicy",
        "view_dataimport",
        "view_dataimportproblem",
        "add_dataimport",
        "view_depot",
        "view_externalref",
        "add_externalref",
        "change_externalref",
        "delete_externalref",
        *_INBOX,
    ),
    "accountant": (
        "view_fleetprovider",
        "view_fleetpolicy",
        "view_dataimport",
        "view_dataimportproblem",
        "add_dataimport",
        "view_depot",
        "view_externalref",
        "view_auditentry",
        "view_auditseal",
        *_INBOX,
    ),
    "support": ("view_fleetprovider", "view_depot", "view_externalref", *_INBOX),
    "viewer": ("view_fleetprovider", "view_depot", "view_externalref"),
    "driver": (),
}


def group_name(role: str) -> str:
    return f"role:{role}"


def seed_roles(sender: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Bring the groups' permissions on one app's models in line with its declared rows.

    Adds what is missing and takes away what is no longer declared; permissions on other apps'
    models are left alone. Called by post_migrate for each app, after Django made its permissions.
    """
    declared = registry.collect(registry.ROLE_PERMISSIONS).get(sender.label)
    if declared is None:
        return
    apps: Any = sender.apps
    groups_model: Any = apps.get_model("auth", "Group")
    permissions_model: Any = apps.get_model("auth", "Permission")
    of_app = permissions_model.objects.using(using).filter(content_type__app_label=sender.label)
    by_codename = {permission.codename: permission for permission in of_app}
    for role, codenames in declared().items():
        group, _created = groups_model.objects.using(using).get_or_create(name=group_name(role))
        present = {p.pk for p in group.permissions.using(using).filter(pk__in=of_app.values("pk"))}
        wanted = {by_codename[name].pk for name in _known(sender.label, codenames, by_codename)}
        group.permissions.add(*(wanted - present))
        group.permissions.remove(*(present - wanted))


def _known(label: str, codenames: Iterable[str], known: Mapping[str, Any]) -> Iterable[str]:
    for codename in codenames:
        if codename not in known:
            raise RuntimeError(f"{label}: a role names the unknown permission {codename}")
        yield codename


def of_fleets() -> Mapping[str, tuple[str, ...]]:
    return ROLE_PERMISSIONS
