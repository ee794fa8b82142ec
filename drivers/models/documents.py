"""Drivers' papers: a licence, an identity document, a permit; each read and judged by a person.

A driving licence is a paper like the others, with its categories beside it.
"""

from datetime import date

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from drivers.models.drivers import Driver
from drivers.querysets import DriverDocumentQuerySet
from fleets.models import DriverPaper, ProviderModel
from voltop.constraints import forward
from voltop.states import Machine, News, StateEvent
from voltop.tables import StoredFile


class DocumentStatus(models.TextChoices):
    PENDING = "pending", _("to be reviewed")
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")
    EXPIRED = "expired", _("expired")


DOCUMENT_MACHINE = Machine(
    "status",
    {
        "pending": {"approved", "rejected"},
        "approved": {"rejected", "expired"},
        "expired": {"approved"},
        "rejected": set(),
    },
    news=News("driver_document", ids=("driver",)),
)


class DriverDocument(ProviderModel):
    """One paper as it was handed in; another one is another row.

    `issued_on` and `expires_on` are local dates of the company's calendar: it is valid through the
    end of its last day. `country` (ISO 3166-1 alpha-2) issued it. The number is kept under the
    driver's key; people see its mask, `fingerprint` finds it again at another driver. `categories`
    are those of a licence ("B", "D1"). `refusal` tells why it was rejected.
    A paper that came from another register has no file.
    """

    Kind = DriverPaper
    Status = DocumentStatus

    driver = models.ForeignKey(Driver, models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=32, choices=DriverPaper)
    country = models.CharField(max_length=2, blank=True)
    number_sealed = models.BinaryField(default=b"", editable=False)
    number_mask = models.CharField(max_length=16, blank=True, editable=False)
    fingerprint = models.BinaryField(null=True, editable=False)
    categories = models.JSONField(default=list, blank=True)
    issued_on = models.DateField(null=True, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    file = models.OneToOneField(
        StoredFile, models.PROTECT, related_name="+", null=True, editable=False
    )
    status = models.CharField(
        max_length=16, choices=DocumentStatus, default=DocumentStatus.PENDING, editable=False
    )
    refusal = models.CharField(max_length=500, blank=True, editable=False)

    objects = DriverDocumentQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="drivers_document_kind_known", condition=Q(kind__in=DriverPaper.values)
            ),
            models.CheckConstraint(
                name="drivers_document_status_known",
                condition=Q(status__in=DocumentStatus.values),
            ),
            models.CheckConstraint(
                name="drivers_document_rejected_why",
                condition=Q(status="rejected") ^ Q(refusal=""),
            ),
            forward("drivers_document_forward", starts="issued_on", ends="expires_on"),
        ]
        indexes = [
            models.Index(fields=["driver", "kind", "status"], name="drivers_document_of"),
            models.Index(fields=["provider", "status", "id"], name="drivers_document_by_status"),
            models.Index(fields=["provider", "fingerprint"], name="drivers_document_print"),
        ]
        permissions = [
            ("review_driverdocument", "Can approve and reject drivers' papers"),
            ("own_papers", "Can hand in and see one's own papers"),
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())

    def holds_on(self, day: date) -> bool:
        """Whether it is an approved paper that has not run out on a local day."""
        live = self.status in (DocumentStatus.APPROVED, DocumentStatus.EXPIRED)
        return live and (self.expires_on is None or day <= self.expires_on)


class DriverDocumentEvent(StateEvent):
    document = models.ForeignKey(DriverDocument, models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        pass
