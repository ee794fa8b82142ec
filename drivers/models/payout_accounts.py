"""Where a driver's money goes. The numbers are encrypted; only their mask is ever shown."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from drivers.models.drivers import Driver
from drivers.querysets import PayoutAccountQuerySet
from fleets.models import ProviderModel


class PayoutAccountKind(models.TextChoices):
    IBAN = "iban", "IBAN"
    CLABE = "clabe", "CLABE"
    PIX = "pix", "Pix"
    BRANCH = "branch", _("branch and account")
    US = "us", _("US routing and account")


class PayoutAccount(ProviderModel):
    """One account of a driver; a new one retires the old one.

    `details` is the account (compact JSON, see `drivers.accounts`) under the driver's key, and
    `holder_tax_sealed` the holder's tax id, of which `holder_tax_mask` is shown;
    `fingerprint` an HMAC of it, to find the same account at two drivers, cleared by erasure.
    Until `hold_until` no money is sent there (every change but the first opens 24 hours).
    """

    driver = models.ForeignKey(Driver, models.PROTECT, related_name="payout_accounts")
    kind = models.CharField(max_length=8, choices=PayoutAccountKind)
    holder_name = models.CharField(max_length=120)
    holder_tax_sealed = models.BinaryField(default=b"", editable=False)
    holder_tax_mask = models.CharField(max_length=16, blank=True, editable=False)
    mask = models.CharField(max_length=64)
    details = models.BinaryField(editable=False)
    fingerprint = models.BinaryField(editable=False, null=True)
    hold_until = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = PayoutAccountQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["driver"],
                condition=Q(retired_at__isnull=True),
                name="drivers_payout_account_one_current",
            ),
            models.CheckConstraint(
                name="drivers_payout_account_kind_known",
                condition=Q(kind__in=PayoutAccountKind.values),
            ),
        ]
        indexes = [
            models.Index(fields=["provider", "fingerprint"], name="drivers_account_fingerprint"),
        ]

    def __str__(self) -> str:
        return self.mask
