"""Providers, their policies and depots."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from fleets import services
from fleets.admin.base import (
    PLATFORM_PERMISSION,
    EventInline,
    ProviderAdmin,
    admin_actor,
    service_action,
    while_empty,
)
from fleets.admin.lines import NamesField
from fleets.admin.refs import RefInline
from fleets.models import (
    Depot,
    DriverPaper,
    FleetPolicy,
    FleetProvider,
    FleetProviderEvent,
    Role,
)
from fleets.models.providers import PROVIDER_MACHINE
from fleets.roles import STAFF_ROLES
from voltop.context import Actor


class FleetProviderEventInline(EventInline):
    model = FleetProviderEvent


def _activate(provider: FleetProvider, actor: Actor, reason: str) -> FleetProvider:
    return services.activate_provider(provider, actor=actor, reason=reason)


def _suspend(provider: FleetProvider, actor: Actor, reason: str) -> FleetProvider:
    return services.suspend_provider(provider, actor=actor, reason=reason)


def _close(provider: FleetProvider, actor: Actor, reason: str) -> FleetProvider:
    return services.close_provider(provider, actor=actor, reason=reason)


@admin.register(FleetProvider)
class FleetProviderAdmin(ProviderAdmin):
    """Moves are for platform staff: a company does not suspend itself."""

    list_display = ("name", "country", "currency", "time_zone", "status", "for_tests")
    list_filter = ("status", "country", ("sandbox_of", admin.EmptyFieldListFilter))
    search_fields = ("name", "legal_name", "tax_id")
    inlines = (FleetProviderEventInline,)
    actions = (
        service_action(
            _("Activate"), PLATFORM_PERMISSION, _activate, when=PROVIDER_MACHINE.opens("active")
        ),
        service_action(
            _("Suspend"), PLATFORM_PERMISSION, _suspend, when=PROVIDER_MACHINE.opens("suspended")
        ),
        service_action(
            _("Close"), PLATFORM_PERMISSION, _close, when=PROVIDER_MACHINE.opens("closed")
        ),
    )
    readonly_fields = (
        "country",
        "currency",
        "time_zone",
        "status",
        "max_drivers",
        "max_vehicles",
        "max_users",
        "for_tests",
    )
    fields = ("name", "legal_name", "tax_id", "language", *readonly_fields)

    @display(description=_("for tests"), boolean=True)
    def for_tests(self, provider: FleetProvider) -> bool:
        return provider.is_sandbox

    def service_update(
        self, request: HttpRequest, obj: Any, values: Mapping[str, Any]
    ) -> FleetProvider:
        return services.update_provider(obj, actor=admin_actor(request), **values)


NAMES = ("payout_rails", "vehicle_documents")
TICKED = {
    "second_factor_roles": [(role, Role(role).label) for role in STAFF_ROLES],
    "driver_documents": [
        (kind.value, kind.label) for kind in DriverPaper if kind != DriverPaper.OTHER
    ],
}
POLICY_HELP = {
    "telemetry_retention_days": _(
        "So many days samples are kept, 1 to 36525: what is older is deleted and refused. "
        "Empty: for ever."
    ),
    "conversation_retention_days": _(
        "So many days after a conversation was settled it is deleted, with its notes and files: "
        "30 to 3650. Empty: it is kept."
    ),
    "debt_warn_amount": _(
        "In your currency: a driver who owes more after a payment is told. Empty: nobody is."
    ),
    "debt_block_amount": _(
        "In your currency: a driver who owes more starts no shift, unless somebody overrides it. "
        "Empty: no limit."
    ),
    "face_check": _("Whether drivers show their face before a start."),
    "face_login": _(
        "Whether drivers who have enrolled show their face when they log in. Where both are never, "
        "nothing is enrolled, and after 30 days nothing is left."
    ),
    "face_check_pct": _("At random: of how many of a driver's days, by lot."),
    "face_check_valid_h": _("How long a check that passed, or was set aside, holds."),
    "face_max_distance": _("The largest distance that passes: the smaller, the stricter."),
    "face_unavailable": _("What follows when faces cannot be compared."),
    "driver_erasure_days": _(
        "So many days after drivers left for good they are erased; two weeks before, owners find "
        "them in the inbox. Not shorter than the law keeps payslips. Empty: never by itself."
    ),
    "reservation_no_show_limit": _(
        "Bookings missed in 30 days until a driver may book no more; 0: no limit."
    ),
}


@admin.register(FleetPolicy)
class FleetPolicyAdmin(ProviderAdmin):
    list_select_related = ("provider",)
    list_display = ("provider", "shift_max_h", "min_rest_h", "four_eyes", "reservation_grid_min")
    readonly_fields = ("provider",)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        return super().get_form(request, obj, **{"help_texts": POLICY_HELP, **kwargs})

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Lists are named with commas, roles and papers are ticked."""
        label = capfirst(db_field.verbose_name)
        if db_field.name in NAMES:
            return NamesField(label=label)
        if db_field.name in TICKED:
            return forms.MultipleChoiceField(
                choices=TICKED[db_field.name],
                widget=UnfoldAdminCheckboxSelectMultipleWidget,
                label=label,
                required=False,
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def service_update(
        self, request: HttpRequest, obj: Any, values: Mapping[str, Any]
    ) -> FleetPolicy:
        return services.change_policy(obj.provider, actor=admin_actor(request), values=values)


def _retire(depot: Depot, actor: Actor, reason: str) -> Depot:
    return services.retire_depot(depot, actor=actor, reason=reason)


@admin.register(Depot)
class DepotAdmin(ProviderAdmin):
    list_display = ("name", "address", "time_zone", "grid_limit_kw", "retired_at")
    list_filter = (("retired_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "address")
    fields = (
        "name",
        "address",
        "latitude",
        "longitude",
        "geofence_radius_m",
        "time_zone",
        "holiday_region",
        "grid_limit_kw",
        "opening_hours",
    )
    inlines = (RefInline,)
    actions = (
        service_action(_("Retire"), "fleets.change_depot", _retire, when=while_empty("retired_at")),
    )

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> Depot:
        return services.create_depot(
            self.own_provider(request), actor=admin_actor(request), **values
        )

    def service_update(self, request: HttpRequest, obj: Any, values: Mapping[str, Any]) -> Depot:
        return services.update_depot(obj, actor=admin_actor(request), **values)
