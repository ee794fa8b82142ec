"""Drivers in the admin: records are edited, moves are actions, payout accounts are only read."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from drivers import funnel, services
from drivers.admin import erasing
from drivers.admin.faces import FACE_ACTIONS
from drivers.models import (
    DRIVER_MACHINE,
    Driver,
    DriverDocument,
    DriverEvent,
    DriverStatus,
    Engagement,
    PayoutAccount,
)
from fleets.admin.base import (
    EventInline,
    ProviderAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    ServiceForm,
    admin_actor,
    service_action,
    status_badge,
)
from fleets.admin.refs import RefInline
from voltop import clock, registry
from voltop.context import Actor
from voltop.panels import PanelsMixin

IDENTITY = ("national_id", "birth_date")
STANDING = ("status", "joined_at")
MASKED = tuple(f"{name}_masked" for name in IDENTITY)


def _masked(line: Any) -> Any:
    """A line of the form with the masks of what it would show of a person's identity."""
    return MASKED if line == IDENTITY else line


class DriverForm(ServiceForm):
    """The number of the identity document beside the columns: it is none."""

    national_id = forms.CharField(
        max_length=32, required=False, widget=UnfoldAdminTextInputWidget, label=_("national id")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None and "national_id" in self.fields:
            self.fields["national_id"].initial = self.instance.national_id


class DriverEventInline(EventInline):
    model = DriverEvent


class EngagementInline(ReadOnlyInline):
    model = Engagement
    fields = ("kind", "starts_on", "ends_on", "cost_centre")


class DocumentInline(ReadOnlyInline):
    model = DriverDocument
    fields = ("kind", "status", "number_mask", "issued_on", "expires_on", "refusal")
    show_change_link = True
    verbose_name_plural = _("papers")


class PayoutAccountInline(ReadOnlyInline):
    model = PayoutAccount
    fields = ("kind", "mask", "holder_name", "hold_until", "retired_at")


def _move(
    description: Any,
    service: Callable[..., Driver],
    to: str,
    only_from: set[str] | None = None,
    *,
    permission: str = "change_driver",
) -> Any:
    def call(driver: Driver, actor: Actor, reason: str) -> Driver:
        return service(driver, actor=actor, reason=reason)

    call.__name__ = service.__name__
    when = DRIVER_MACHINE.opens(to, only_from)
    return service_action(description, f"drivers.{permission}", call, when=when)


def _invite_again(driver: Driver, actor: Actor, reason: str) -> Driver:
    return services.invite_driver_again(driver, actor=actor)


def _terminate_anyway(driver: Driver, *, actor: Actor, reason: str) -> Driver:
    return services.terminate_driver(driver, actor=actor, reason=reason, override_reason=reason)


@admin.register(Driver)
class DriverAdmin(PanelsMixin, ProviderAdmin):
    form = DriverForm
    panels_point = registry.DRIVER_PANELS
    list_display = ("name", "employee_number", "badge", "depot", "phone", "hired_on")
    badge = status_badge(
        active="success",
        onboarding="info",
        suspended="danger",
        leaving="warning",
    )
    list_filter = ("status", "depot", "language")
    list_select_related = ("depot",)
    readonly_fields = STANDING
    search_fields = ("given_name", "family_name", "employee_number", "phone", "email")
    ordering = ("family_name", "given_name")
    inlines = (DocumentInline, EngagementInline, PayoutAccountInline, RefInline, DriverEventInline)
    actions = (
        service_action(
            _("Invite again"),
            "drivers.add_driver",
            _invite_again,
            when=lambda driver, actor: driver.status == DriverStatus.INVITED,
        ),
        _move(_("Begin onboarding"), services.onboard_driver, "onboarding"),
        _move(_("Activate"), services.activate_driver, "active", {"onboarding"}),
        _move(_("Suspend"), services.suspend_driver, "suspended"),
        _move(_("Reinstate"), services.reinstate_driver, "active", {"suspended", "leaving"}),
        _move(_("Begin leaving"), services.leave_driver, "leaving"),
        _move(
            _("Terminate"),
            services.terminate_driver,
            "terminated",
            permission="terminate_driver",
        ),
        _move(
            _("Terminate with money matters open (with a reason)"),
            _terminate_anyway,
            "terminated",
            permission="override_settlement",
        ),
        *FACE_ACTIONS,
    )
    fieldsets = (
        (None, {"fields": (("given_name", "family_name"), ("employee_number", "depot"), STANDING)}),
        (_("Contact"), {"fields": (("phone", "email"), "language")}),
        (_("Person"), {"fields": (IDENTITY, "hired_on")}),
        (_("Emergency"), {"fields": (("emergency_contact_name", "emergency_contact_phone"),)}),
    )

    def get_urls(self) -> list[URLPattern]:
        return [*funnel.urls(), *erasing.urls(), *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may not see a person's identity finds a mask in its place."""
        groups = super().get_fieldsets(request, obj)
        if request.user.has_perm("drivers.view_identity"):
            return groups
        return [
            (title, {**options, "fields": [_masked(line) for line in options["fields"]]})
            for title, options in groups
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        sees = request.user.has_perm("drivers.view_identity")
        return [*super().get_readonly_fields(request, obj), *MASKED, *(() if sees else IDENTITY)]

    @admin.display(description=_("national id"))
    def national_id_masked(self, driver: Driver) -> str:
        return "••••" if driver.identity_sealed else "–"

    @admin.display(description=_("birth date"))
    def birth_date_masked(self, driver: Driver) -> str:
        return "••••" if driver.birth_date else "–"

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> Driver:
        return services.invite_driver(
            self.own_provider(request), actor=admin_actor(request), **values
        )

    def service_update(self, request: HttpRequest, obj: Any, values: Mapping[str, Any]) -> Driver:
        return services.update_driver(obj, actor=admin_actor(request), **values)


@admin.register(Engagement)
class EngagementAdmin(ProviderAdmin):
    list_display = ("driver", "kind", "starts_on", "ends_on", "cost_centre")
    list_filter = ("kind",)
    list_select_related = ("driver",)
    search_fields = ("driver__given_name", "driver__family_name", "cost_centre")
    autocomplete_fields = ("driver",)
    fields = ("driver", "kind", "starts_on", "ends_on", "cost_centre")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Of an engagement that runs, the end can be set; else it stays as it was made."""
        if obj is None:
            return ()
        ends = services.may_end(obj, clock.now())
        return self.with_shown([name for name in self.fields if not (ends and name == "ends_on")])

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> Engagement:
        return services.start_engagement(actor=admin_actor(request), **values)

    def service_update(
        self, request: HttpRequest, obj: Any, values: Mapping[str, Any]
    ) -> Engagement:
        return services.end_engagement(obj, actor=admin_actor(request), **values)


@admin.register(PayoutAccount)
class PayoutAccountAdmin(ReadOnlyAdmin):
    list_display = ("driver", "kind", "mask", "holder_name", "hold_until", "retired_at")
    list_filter = ("kind", ("retired_at", admin.EmptyFieldListFilter))
    list_select_related = ("driver",)
    search_fields = ("driver__given_name", "driver__family_name", "holder_name")
    fields = (
        "driver",
        "kind",
        "mask",
        "holder_name",
        "holder_tax_mask",
        "hold_until",
        "retired_at",
    )


@admin.register(DriverEvent)
class DriverEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "driver", "from_state", "to_state", "actor", "reason")
    list_filter = ("to_state",)
    list_select_related = ("driver",)
    search_fields = ("driver__given_name", "driver__family_name", "reason")
