"""Pay groups, plans, terms and adjustments."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from fleets.admin.base import (
    EventInline,
    ProviderAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    admin_actor,
    service_action,
    status_badge,
    while_empty,
)
from fleets.models import FleetPolicy
from payments import services
from payments.admin.actions import move
from payments.models import (
    ADJUSTMENT_MACHINE,
    Adjustment,
    AdjustmentEvent,
    AdjustmentSeries,
    PayComponent,
    PayGroup,
    PayPlan,
    PayPlanVersion,
    Terms,
)
from voltop.context import Actor


@admin.register(PayGroup)
class PayGroupAdmin(ProviderAdmin):
    list_display = (
        "name",
        "cadence",
        "week_starts_on",
        "pay_after_days",
        "is_default",
        "retired_at",
    )
    list_filter = ("cadence", "is_default")
    search_fields = ("name",)
    fields = (
        ("name", "cadence"),
        ("anchor_on", "week_starts_on", "week_starts_hour"),
        ("cutoff_days", "pay_after_days"),
    )
    actions = (
        move(_("Retire"), "change_paygroup", services.retire_pay_group, while_empty("retired_at")),
    )

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> PayGroup:
        return services.create_pay_group(
            self.own_provider(request), actor=admin_actor(request), **values
        )


class VersionInline(ReadOnlyInline):
    model = PayPlanVersion
    fields = ("number", "effective_from", "currency", "created_at")
    readonly_fields = fields
    show_change_link = True


class ComponentInline(ReadOnlyInline):
    model = PayComponent
    fields = ("position", "key", "rule", "window", "params")
    readonly_fields = fields


@admin.register(PayPlan)
class PayPlanAdmin(ReadOnlyAdmin):
    list_note = _("Pay plans and their versions are made over the API.")
    list_display = ("name", "retired_at", "created_at")
    search_fields = ("name",)
    fields = ("name", "retired_at")
    inlines = (VersionInline,)
    actions = (
        move(_("Retire"), "change_payplan", services.retire_pay_plan, while_empty("retired_at")),
    )


@admin.register(PayPlanVersion)
class PayPlanVersionAdmin(ReadOnlyAdmin):
    list_display = ("plan", "number", "effective_from", "currency")
    list_filter = ("plan",)
    list_select_related = ("plan",)
    search_fields = ("plan__name",)
    fields = ("plan", "number", "effective_from", "currency")
    inlines = (ComponentInline,)


@admin.register(PayComponent)
class PayComponentAdmin(ReadOnlyAdmin):
    list_display = ("version", "position", "key", "rule", "window")
    list_filter = ("rule", "window")
    list_select_related = ("version__plan",)
    search_fields = ("key", "version__plan__name")


def _record_acceptance(terms: Terms, actor: Actor, reason: str) -> Terms:
    return services.record_acceptance(terms, actor=actor, evidence=reason)


@admin.register(Terms)
class TermsAdmin(ProviderAdmin):
    list_display = (
        "driver",
        "pay_group",
        "plan_version",
        "valid_from",
        "valid_to",
        "rent_amount",
        "rent_per",
        "accepted_at",
    )
    list_filter = ("pay_group", ("accepted_at", admin.EmptyFieldListFilter), "rent_per")
    list_select_related = ("driver", "pay_group", "plan_version__plan")
    search_fields = ("driver__given_name", "driver__family_name")
    autocomplete_fields = ("driver",)
    fields = (
        ("driver", "pay_group", "plan_version"),
        ("valid_from", "valid_to"),
        ("rent_amount", "rent_per"),
        ("deposit_target_amount", "accident_excess_amount"),
        "text",
    )
    actions = (
        service_action(
            _("Record: signed on paper (the reason says where the paper is)"),
            "payments.record_acceptance",
            _record_acceptance,
            when=while_empty("accepted_at"),
        ),
    )

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> Terms:
        return services.offer_terms(actor=admin_actor(request), **values)


class AdjustmentEventInline(EventInline):
    model = AdjustmentEvent


def _may_approve(adjustment: Adjustment, actor: Actor) -> bool:
    """With four eyes not by whoever asked for it."""
    if not ADJUSTMENT_MACHINE.opens("approved")(adjustment, actor):
        return False
    if adjustment.requested_by != str(actor):
        return True
    return not FleetPolicy.objects.get(provider_id=adjustment.provider_id).four_eyes


@admin.register(Adjustment)
class AdjustmentAdmin(ProviderAdmin):
    list_display = ("driver", "kind", "amount", "currency", "due_on", "badge", "reason")
    list_filter = ("status", "kind")
    list_select_related = ("driver",)
    search_fields = ("driver__given_name", "driver__family_name", "reason")
    date_hierarchy = "due_on"
    badge = status_badge(requested="warning", approved="info", applied="success", rejected="danger")
    autocomplete_fields = ("driver",)
    fields = (("driver", "kind"), ("amount", "due_on"), "reason", "evidence")
    inlines = (AdjustmentEventInline,)
    actions = (
        move(_("Approve"), "approve_adjustment", services.approve_adjustment, _may_approve),
        move(
            _("Reject"),
            "approve_adjustment",
            services.reject_adjustment,
            ADJUSTMENT_MACHINE.opens("rejected"),
        ),
    )

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> Adjustment:
        return services.request_adjustment(actor=admin_actor(request), **values)


@admin.register(AdjustmentSeries)
class AdjustmentSeriesAdmin(ReadOnlyAdmin):
    list_display = ("driver", "kind", "total_amount", "currency", "occurrences")
    list_filter = ("kind",)
    list_select_related = ("driver",)
    search_fields = ("driver__given_name", "driver__family_name")


@admin.register(AdjustmentEvent)
class AdjustmentEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "adjustment", "from_state", "to_state", "actor", "reason")
    list_filter = ("to_state",)
    list_select_related = ("adjustment",)
