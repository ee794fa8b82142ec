"""Payouts: money handed to a bank, from which account, and what the bank's book says of it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from drivers.models import PayoutAccount
from fleets.models import ProviderModel
from payments.models.amounts import whole
from payments.querysets import PayoutQuerySet
from voltop.ids import uuid7
from voltop.money import MoneyField
from voltop.states import Machine, News, StateEvent


class FundingStatus(models.TextChoices):
    PROPOSED = "proposed", _("proposed")
    ACTIVE = "active", _("active")
    RETIRED = "retired", _("retired")


FUNDING_MACHINE = Machine(
    "status",
    {"proposed": {"active", "retired"}, "active": {"retired"}, "retired": set()},
)


class GatewayKind(models.TextChoices):
    HTTP = "http", _("bank with an HTTP API and idempotency keys")


class FundingAccount(ProviderModel):
    """An account that the company pays from, and the way to its bank. A second person activates it.

    Never changed: a new one is proposed instead, so that a payout always shows what paid it.
    `secret` is the bank's token, encrypted. `available_amount` is what the account held at
    `available_at`, as told by whoever entered it.
    """

    name = models.CharField(max_length=80)
    gateway = models.CharField(max_length=8, choices=GatewayKind)
    endpoint = models.CharField(max_length=300)
    secret = models.BinaryField(editable=False)
    currency = models.CharField(max_length=3)
    status = models.CharField(
        max_length=16, choices=FundingStatus, default=FundingStatus.PROPOSED, editable=False
    )
    proposed_by = models.CharField(max_length=80, editable=False)
    available_amount = MoneyField(null=True, blank=True, editable=False)
    available_at = models.DateTimeField(null=True, blank=True, editable=False)
    read_to = models.BigIntegerField(default=0, editable=False)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "name"], name="payments_funding_account_name"
            ),
            models.CheckConstraint(
                name="payments_funding_status_known", condition=Q(status__in=FundingStatus.values)
            ),
            models.CheckConstraint(
                name="payments_funding_gateway_known", condition=Q(gateway__in=GatewayKind.values)
            ),
            models.CheckConstraint(
                name="payments_funding_available",
                condition=Q(available_amount__isnull=True, available_at__isnull=True)
                | Q(available_amount__isnull=False, available_at__isnull=False),
            ),
        ]
        permissions = [("activate_fundingaccount", "Can activate accounts that others proposed")]

    def __str__(self) -> str:
        return self.name


class FundingAccountEvent(StateEvent):
    funding_account = models.ForeignKey(FundingAccount, models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        pass


class PayoutStatus(models.TextChoices):
    CREATED = "created", _("created")
    HELD = "held", _("held")
    SUBMITTED = "submitted", _("submitted")
    UNKNOWN = "unknown", _("outcome unknown")
    CONFIRMED = "confirmed", _("confirmed")
    FAILED = "failed", _("failed")
    RETURNED = "returned", _("returned")


PAYOUT_MACHINE = Machine(
    "status",
    {
        "created": {"submitted", "held"},
        "held": {"submitted"},
        "submitted": {"confirmed", "failed", "unknown"},
        "unknown": {"confirmed", "failed"},
        "confirmed": {"returned"},
        "failed": set(),
        "returned": set(),
    },
    news=News("payout", {"returned": "payout.returned"}, ids=("payment",)),
)

UNDER_WAY = ("created", "held", "submitted", "unknown")
ENDED = ("failed", "returned")


class Payout(ProviderModel):
    """One payment's money on its way. `key` is the bank's idempotency key, fixed before sending.

    Whatever happens on the wire, the same key is asked for or sent again, never a new one; only a
    payout that the bank has refused or returned may be followed by another. `reference` names the
    payment and is the same in all its payouts.
    """

    Status = PayoutStatus

    payment = models.ForeignKey("payments.Payment", models.PROTECT, related_name="payouts")
    funding_account = models.ForeignKey(FundingAccount, models.PROTECT, related_name="payouts")
    payout_account = models.ForeignKey(
        PayoutAccount, models.PROTECT, related_name="+", null=True, blank=True
    )
    key = models.UUIDField(default=uuid7, unique=True, editable=False)
    reference = models.CharField(max_length=40)
    amount = MoneyField()
    currency = models.CharField(max_length=3)
    status = models.CharField(
        max_length=16, choices=PayoutStatus, default=PayoutStatus.CREATED, editable=False
    )
    bank_ref = models.CharField(max_length=64, blank=True, editable=False)
    bank_reason = models.CharField(max_length=200, blank=True, editable=False)
    asked = models.PositiveIntegerField(default=0, editable=False)
    ask_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_problem = models.CharField(max_length=200, blank=True, editable=False)

    objects = PayoutQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["payment"],
                condition=~Q(status__in=ENDED),
                name="payments_payout_one_at_a_time",
            ),
            models.CheckConstraint(
                name="payments_payout_status_known", condition=Q(status__in=PayoutStatus.values)
            ),
            models.CheckConstraint(name="payments_payout_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="payments_payout_whole", condition=whole("amount")),
            models.CheckConstraint(
                name="payments_payout_account_known",
                condition=Q(status__in=["created", "held"]) | Q(payout_account__isnull=False),
            ),
            models.CheckConstraint(
                name="payments_payout_bank_ref",
                condition=~Q(status__in=["confirmed", "returned"]) | ~Q(bank_ref=""),
            ),
        ]
        indexes = [
            models.Index(
                fields=["ask_at"],
                condition=Q(status__in=["created", "submitted", "unknown"]),
                name="payments_payout_to_ask",
            ),
            models.Index(fields=["provider", "status", "id"], name="payments_payout_status"),
        ]

    def __str__(self) -> str:
        return f"Payout {self.key}"


class PayoutEvent(StateEvent):
    payout = models.ForeignKey(Payout, models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        pass


class MovementKind(models.TextChoices):
    SETTLED = "settled", _("settled")
    REFUSED = "refused", _("refused")
    RETURNED = "returned", _("returned")


class MatchStatus(models.TextChoices):
    MATCHED = "matched", _("matched")
    WRONG_AMOUNT = "wrong_amount", _("wrong amount")
    UNMATCHED = "unmatched", _("unmatched")


class BankMovement(ProviderModel):
    """A line of the bank's book, as the bank told it, and the payout it belongs to if any."""

    append_only = True

    funding_account = models.ForeignKey(FundingAccount, models.PROTECT, related_name="movements")
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=16, choices=MovementKind)
    key = models.CharField(max_length=64)
    bank_ref = models.CharField(max_length=64)
    reference = models.CharField(max_length=64)
    amount = models.DecimalField(max_digits=19, decimal_places=4)
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200, blank=True)
    booked_at = models.DateTimeField()
    match = models.CharField(max_length=16, choices=MatchStatus)
    payout = models.ForeignKey(
        Payout, models.PROTECT, related_name="movements", null=True, blank=True
    )

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["funding_account", "seq"], name="payments_movement_once"
            ),
            models.CheckConstraint(
                name="payments_movement_kind_known", condition=Q(kind__in=MovementKind.values)
            ),
            models.CheckConstraint(
                name="payments_movement_match",
                condition=Q(match="unmatched", payout__isnull=True)
                | Q(match__in=["matched", "wrong_amount"], payout__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["provider", "id"],
                condition=~Q(match="matched"),
                name="payments_movement_odd",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.bank_ref}"
