"""Accounts to pay from, payouts, the bank's book."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from fleets.admin.base import EventInline, ReadOnlyAdmin, status_badge
from payments import services
from payments.admin.actions import move, plain
from payments.models import (
    FUNDING_MACHINE,
    PAYOUT_MACHINE,
    BankMovement,
    FundingAccount,
    FundingAccountEvent,
    Payout,
    PayoutEvent,
)


class FundingAccountEventInline(EventInline):
    model = FundingAccountEvent


@admin.register(FundingAccount)
class FundingAccountAdmin(ReadOnlyAdmin):
    list_display = ("name", "gateway", "endpoint", "badge", "available_amount", "available_at")
    list_filter = ("status", "gateway")
    search_fields = ("name",)
    badge = status_badge(proposed="warning", active="success")
    fields = (
        "name",
        "gateway",
        "endpoint",
        "currency",
        "status",
        "proposed_by",
        "available_amount",
        "available_at",
    )
    inlines = (FundingAccountEventInline,)
    actions = (
        move(
            _("Activate"),
            "activate_fundingaccount",
            services.activate_funding_account,
            FUNDING_MACHINE.opens("active"),
        ),
        move(
            _("Retire"),
            "change_fundingaccount",
            services.retire_funding_account,
            FUNDING_MACHINE.opens("retired"),
        ),
        plain(_("Reconcile"), "change_fundingaccount", services.request_reconciliation),
    )


class PayoutEventInline(EventInline):
    model = PayoutEvent


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    list_display = (
        "key",
        "payment",
        "amount",
        "currency",
        "badge",
        "bank_ref",
        "bank_reason",
        "asked",
        "created_at",
    )
    list_filter = ("status", "funding_account")
    list_select_related = ("payment__driver",)
    search_fields = ("reference", "bank_ref")
    ordering = ("-id",)
    badge = status_badge(
        created="info",
        submitted="info",
        unknown="warning",
        held="warning",
        confirmed="success",
        failed="danger",
        returned="danger",
    )
    inlines = (PayoutEventInline,)
    actions = (
        move(
            _("Release"),
            "change_payout",
            services.release_payout,
            PAYOUT_MACHINE.opens("submitted", {"held"}),
        ),
    )

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        """An account's name is its mask: it is for those who may see accounts."""
        if request.user.has_perm("drivers.view_payoutaccount"):
            return super().get_exclude(request, obj)
        return [*(super().get_exclude(request, obj) or ()), "payout_account"]


@admin.register(BankMovement)
class BankMovementAdmin(ReadOnlyAdmin):
    list_display = ("seq", "kind", "bank_ref", "amount", "currency", "booked_at", "match", "payout")
    list_filter = ("match", "kind", "funding_account")
    list_select_related = ("payout",)
    search_fields = ("bank_ref", "reference", "key")
    date_hierarchy = "booked_at"


@admin.register(PayoutEvent)
class PayoutEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "payout", "from_state", "to_state", "actor", "reason")
    list_filter = ("to_state",)
    list_select_related = ("payout",)


@admin.register(FundingAccountEvent)
class FundingAccountEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "funding_account", "from_state", "to_state", "actor", "reason")
    list_filter = ("to_state",)
    list_select_related = ("funding_account",)
