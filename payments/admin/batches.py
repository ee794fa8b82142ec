"""Batches, payments, lines, and what they rest on."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Case, Q, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fleets.admin.base import (
    EventInline,
    ProviderAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    admin_actor,
    status_badge,
)
from fleets.admin.shown import codes, days, duration, link, link_to, money, spaced
from payments import services
from payments.admin.actions import move, plain
from payments.models import (
    BATCH_MACHINE,
    PAYMENT_MACHINE,
    Payment,
    PaymentBatch,
    PaymentBatchEvent,
    PaymentClaim,
    PaymentEvent,
    PaymentEvidence,
    PaymentLine,
    Payout,
)
from voltop.context import Actor
from voltop.money import shown_minor


class BatchEventInline(EventInline):
    model = PaymentBatchEvent


class PaymentInline(ReadOnlyInline):
    """Everybody's payment on the batch's page, those to look at first."""

    model = Payment
    fields = (
        "driver_name",
        "status",
        "earnings_amount",
        "deductions_amount",
        "cash_amount",
        "payable_amount",
        "why",
    )
    readonly_fields = ("driver_name", "why")
    per_page = 25

    def get_queryset(self, request: HttpRequest) -> Any:
        payments = super().get_queryset(request).select_related("driver")
        to_look_at = Case(
            When(status__in=("exception", "failed", "returned", "held"), then=0),
            When(~Q(flags=[]), then=1),
            default=2,
        )
        return payments.order_by(to_look_at, "driver__family_name", "driver__given_name", "pk")

    @admin.display(description=_("driver"))
    def driver_name(self, payment: Payment) -> str:
        """The driver, leading to the payment."""
        return link_to(payment, payment.driver)

    @admin.display(description=_("to look at"))
    def why(self, payment: Payment) -> str:
        return _reasons(payment)


def _reasons(payment: Payment) -> str:
    """Codes of exceptions and flags, in words."""
    return codes([*payment.exceptions, *payment.flags])


def _is_anothers(batch: PaymentBatch, actor: Actor) -> bool:
    """Approvable, and by this person: with four eyes not by whoever made or changed it."""
    own = batch.four_eyes and str(actor) in (batch.created_by, batch.changed_by)
    return BATCH_MACHINE.opens("approved")(batch, actor) and not own


@admin.register(PaymentBatch)
class PaymentBatchAdmin(ProviderAdmin):
    list_display = (
        "number",
        "pay_group",
        "period",
        "badge",
        "payments",
        "exceptions",
        "payable_amount",
        "currency",
        "pay_on",
    )
    list_filter = ("status", "pay_group", "run_type")
    list_select_related = ("pay_group",)
    search_fields = ("number", "pay_group__name")
    date_hierarchy = "period_starts_on"
    ordering = ("-period_starts_on", "-id")
    badge = status_badge(
        calculating="info",
        in_review="warning",
        approved="info",
        paying="info",
        partly_paid="danger",
        paid="success",
        closed="success",
    )
    fields = (("pay_group", "run_type"), ("period_starts_on", "period_ends_on"), "pay_on")
    readonly_fields = ("period",)
    inlines = (PaymentInline, BatchEventInline)
    actions = (
        plain(
            _("Calculate"),
            "calculate_paymentbatch",
            services.calculate_batch,
            BATCH_MACHINE.opens("calculating"),
        ),
        move(_("Approve"), "approve_paymentbatch", services.approve_batch, _is_anothers),
        move(
            _("Pay"),
            "pay_paymentbatch",
            services.pay_batch,
            BATCH_MACHINE.opens("paying", {"approved"}),
        ),
        move(
            _("Cancel"),
            "calculate_paymentbatch",
            services.cancel_batch,
            BATCH_MACHINE.opens("cancelled"),
        ),
        move(
            _("Close"),
            "calculate_paymentbatch",
            services.close_batch,
            BATCH_MACHINE.opens("closed"),
        ),
    )

    @admin.display(description=_("period"), ordering="period_starts_on")
    def period(self, batch: PaymentBatch) -> str:
        """Its first and its last day."""
        return days(batch.period_starts_on, batch.period_ends_on)

    @admin.display(description=_("drivers"), ordering="drivers")
    def payments(self, batch: PaymentBatch) -> str:
        """The number of payments, leading to them."""
        url = f"{reverse('admin:payments_payment_changelist')}?batch__id__exact={batch.pk}"
        return link(url, batch.drivers)

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> PaymentBatch:
        return services.open_batch(actor=admin_actor(request), **values)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("pay_group", "run_type", "period_starts_on", "period_ends_on", "pay_on")
        return (
            ("number", "status"),
            ("pay_group", "run_type"),
            ("period", "pay_on"),
            ("currency",),
            ("drivers", "exceptions"),
            ("payable_amount", "carried_amount"),
            ("created_by", "changed_by"),
            ("approved_by", "approved_at"),
            ("posted_at", "funding_account"),
        )

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        if obj is None and "pay_on" in form.base_fields:
            form.base_fields["pay_on"].required = False
            form.base_fields["period_ends_on"].help_text = _("The first day after the period.")
        return form


class LineInline(ReadOnlyInline):
    model = PaymentLine
    fk_name = "payment"
    fields = (
        "position",
        "category",
        "key",
        "window_starts_on",
        "how_much",
        "rate",
        "paid_before_amount",
        "amount",
    )
    readonly_fields = fields
    ordering = ("position",)

    @admin.display(description=_("how much"))
    def how_much(self, line: PaymentLine) -> str:
        """The quantity in the unit that people count in."""
        if line.quantity is None:
            return "–"
        if line.unit == "s":
            return duration(line.quantity)
        if line.unit == "m":
            return f"{line.quantity / 1000:,.1f} km"
        if line.unit == "money":
            return money(shown_minor(line.quantity, line.currency), line.currency)
        return f"{line.quantity} {spaced(line.unit)}"


class PayoutInline(ReadOnlyInline):
    model = Payout
    fields = ("key", "amount", "status", "bank_ref", "bank_reason", "created_at")
    readonly_fields = fields
    show_change_link = True


class PaymentEventInline(EventInline):
    model = PaymentEvent


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = (
        "driver",
        "batch",
        "period",
        "badge",
        "earnings_amount",
        "deductions_amount",
        "cash_amount",
        "payable_amount",
        "carried_amount",
        "why",
    )
    list_filter = ("status", "batch")
    list_select_related = ("driver", "batch")
    search_fields = ("driver__given_name", "driver__family_name", "driver__employee_number")
    ordering = ("-id",)
    badge = status_badge(
        ready="info",
        exception="danger",
        held="warning",
        approved="info",
        paid="success",
        failed="danger",
        returned="danger",
        carried="success",
    )
    fields = (
        ("driver", "batch"),
        ("period",),
        ("status", "currency"),
        ("earnings_amount", "reimbursements_amount"),
        ("deductions_amount", "cash_amount"),
        ("net_amount", "carried_amount"),
        ("payable_amount", "previous_payable_amount"),
        ("exceptions", "flags"),
        ("calculated_at", "approved_at"),
        ("uuid", "basis"),
    )
    readonly_fields = ("period",)
    inlines = (LineInline, PayoutInline, PaymentEventInline)
    actions = (
        move(
            _("Hold"),
            "change_payment",
            services.hold_payment,
            PAYMENT_MACHINE.opens("held", {"ready"}),
        ),
        move(
            _("Release"),
            "change_payment",
            services.release_payment,
            PAYMENT_MACHINE.opens("ready", {"held"}),
        ),
        move(
            _("Drop: leave to the next batch"),
            "change_payment",
            services.drop_payment,
            PAYMENT_MACHINE.opens("cancelled", {"held"}),
        ),
        move(
            _("Pay again after a refusal"),
            "pay_paymentbatch",
            services.reissue_payment,
            PAYMENT_MACHINE.opens("approved", {"failed", "returned"}),
        ),
    )

    @admin.display(description=_("period"), ordering="period_starts_on")
    def period(self, payment: Payment) -> str:
        """Its first and its last day."""
        return days(payment.period_starts_on, payment.period_ends_on)

    @admin.display(description=_("to look at"))
    def why(self, payment: Payment) -> str:
        """Codes of exceptions and flags."""
        return _reasons(payment)


@admin.register(PaymentLine)
class PaymentLineAdmin(ReadOnlyAdmin):
    list_display = ("payment", "category", "key", "window_starts_on", "rate", "amount", "currency")
    list_filter = ("category",)
    list_select_related = ("payment__driver",)
    search_fields = ("key", "payment__driver__given_name", "payment__driver__family_name")


@admin.register(PaymentClaim)
class PaymentClaimAdmin(ReadOnlyAdmin):
    list_display = ("payment", "shift", "entry", "adjustment", "carried_from")
    list_select_related = (
        "payment__driver",
        "shift__driver",
        "entry",
        "adjustment",
        "carried_from__driver",
    )


@admin.register(PaymentEvidence)
class PaymentEvidenceAdmin(ReadOnlyAdmin):
    list_display = ("payment", "sha256", "created_at")
    list_select_related = ("payment__driver",)


@admin.register(PaymentBatchEvent)
class PaymentBatchEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "batch", "from_state", "to_state", "actor", "reason")
    list_filter = ("to_state",)
    list_select_related = ("batch",)


@admin.register(PaymentEvent)
class PaymentEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "payment", "from_state", "to_state", "actor", "reason")
    list_filter = ("to_state",)
    list_select_related = ("payment__driver",)
