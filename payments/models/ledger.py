"""The ledger: accounts, entries, postings. Double entry, guarded by the database itself.

An entry is one business event; its postings are two or more signed amounts (debit positive) that
sum to zero in one currency. The migration that makes these tables also makes the triggers that
refuse anything else, whoever asks (docs/money.md). Not here: who may post, and when
(`payments.services.ledger`).
"""

from django.db import models
from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from fleets.models import ProviderModel
from payments.models.amounts import CurrentTransaction, TransactionField, whole
from voltop.money import MoneyField
from voltop.words import told


class AccountKind(models.TextChoices):
    DRIVER = "driver", _("driver's account")
    DRIVER_CARRIED = "driver_carried", _("carried over by a driver")
    WAGES = "wages", _("earnings of drivers")
    REIMBURSEMENTS = "reimbursements", _("reimbursements")
    CASH_COLLECTED = "cash_collected", _("cash collected by drivers")
    RENT = "rent", _("rent of vehicles")
    CHARGES = "charges", _("damages, fines and fees")
    ADVANCES = "advances", _("advances")
    PAYOUT_CLEARING = "payout_clearing", _("payouts under way")
    BANK = "bank", _("bank")


OF_DRIVERS = (AccountKind.DRIVER, AccountKind.DRIVER_CARRIED)


class Account(ProviderModel):
    """One account of the ledger; a driver has some of their own, the company one of each other.

    Its balance is the sum of its postings (debit positive): what a driver is owed is negative.
    """

    Kind = AccountKind

    kind = models.CharField(max_length=16, choices=AccountKind)
    driver = models.ForeignKey(
        Driver, models.PROTECT, related_name="ledger_accounts", null=True, blank=True
    )
    currency = models.CharField(max_length=3)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "kind", "driver", "currency"],
                nulls_distinct=False,
                name="payments_account_once",
            ),
            models.CheckConstraint(
                name="payments_account_kind_known", condition=Q(kind__in=AccountKind.values)
            ),
            models.CheckConstraint(
                name="payments_account_of_driver",
                condition=Q(kind__in=OF_DRIVERS, driver__isnull=False)
                | (~Q(kind__in=OF_DRIVERS) & Q(driver__isnull=True)),
            ),
        ]
        permissions = [("view_ledger", "Can read balances and statements of the whole ledger")]

    def __str__(self) -> str:
        return (
            f"{self.get_kind_display()} of {told(self, 'driver')}"
            if self.driver_id
            else str(self.get_kind_display())
        )


class EntryKind(models.TextChoices):
    PAYMENT_APPROVED = "payment_approved", _("payment approved")
    CARRIED_OVER = "carried_over", _("carried over")
    PAYOUT_SENT = "payout_sent", _("payout handed over")
    PAYOUT_CONFIRMED = "payout_confirmed", _("payout confirmed")
    PAYOUT_FAILED = "payout_failed", _("payout failed")
    PAYOUT_RETURNED = "payout_returned", _("payout returned")


class Entry(ProviderModel):
    """One business event in the books; never changed, corrected only by another entry.

    `source_key` names the event ("payout:<uuid>:sent") and is unique: an event is booked once.
    `legs` is how many postings it has; `txid`, the transaction in which all of them were written.
    """

    append_only = True

    Kind = EntryKind

    source_key = models.CharField(max_length=80)
    kind = models.CharField(max_length=20, choices=EntryKind)
    booked_on = models.DateField()
    at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    legs = models.PositiveSmallIntegerField()
    actor = models.CharField(max_length=80)
    txid = TransactionField(db_default=CurrentTransaction(), editable=False)

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "source_key"], name="payments_entry_booked_once"
            ),
            models.CheckConstraint(
                name="payments_entry_kind_known", condition=Q(kind__in=EntryKind.values)
            ),
            models.CheckConstraint(name="ledger_two_legs", condition=Q(legs__gte=2)),
        ]
        indexes = [
            models.Index(fields=["provider", "booked_on", "id"], name="payments_entry_by_date"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {date_format(self.booked_on)}"


class Posting(ProviderModel):
    """One leg of an entry: `amount` is debited to the account, or credited if negative."""

    append_only = True

    entry = models.ForeignKey(Entry, models.PROTECT, related_name="postings", db_index=False)
    leg = models.PositiveSmallIntegerField()
    account = models.ForeignKey(Account, models.PROTECT, related_name="postings", db_index=False)
    amount = MoneyField()
    currency = models.CharField(max_length=3)
    category = models.CharField(max_length=16)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["entry", "leg"], name="payments_posting_leg_once"),
            models.CheckConstraint(name="payments_posting_not_zero", condition=~Q(amount=0)),
            models.CheckConstraint(name="payments_posting_whole", condition=whole("amount")),
        ]
        indexes = [
            models.Index(fields=["account", "id"], name="payments_posting_of_account"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
