"""Shifts found in a car's data, waiting for a person to say yes or no."""

from django.db import models
from django.db.models import F, Q
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from fleets.models import Depot, ProviderModel
from shifts.models.shifts import Shift
from shifts.querysets import ProposalQuerySet
from vehicles.models import Vehicle
from voltop.constraints import no_overlap
from voltop.states import Machine, StateEvent
from voltop.words import told


class ProposalState(models.TextChoices):
    PROPOSED = "proposed", _("proposed")
    ACCEPTED = "accepted", _("accepted")
    REJECTED = "rejected", _("rejected")
    WITHDRAWN = "withdrawn", _("withdrawn")


PROPOSAL_MACHINE = Machine(
    "state",
    {
        "proposed": {"accepted", "rejected", "withdrawn"},
        "accepted": set(),
        "rejected": set(),
        "withdrawn": set(),
    },
)

STANDING = (ProposalState.PROPOSED, ProposalState.ACCEPTED, ProposalState.REJECTED)
"""What has been said about a car's time. Withdrawn: later data made another proposal of it."""


class ShiftProposal(ProviderModel):
    """Work of one car between long silences, given to whoever had the car; at most shift_max_h.

    Without a driver it stands for work that nobody is known to have done: a person fills the
    driver in, or rejects it. Accepting makes the shift.
    """

    State = ProposalState

    vehicle = models.ForeignKey(Vehicle, models.PROTECT, related_name="shift_proposals")
    driver = models.ForeignKey(
        Driver, models.PROTECT, related_name="shift_proposals", null=True, blank=True
    )
    depot = models.ForeignKey(
        Depot, models.PROTECT, related_name="shift_proposals", null=True, blank=True
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    time_zone = models.CharField(max_length=64)
    business_date = models.DateField()
    edited = models.BooleanField(default=False)
    state = models.CharField(
        max_length=16, choices=ProposalState, default=ProposalState.PROPOSED, editable=False
    )
    shift = models.OneToOneField(
        Shift, models.PROTECT, related_name="proposal", null=True, blank=True, editable=False
    )

    objects = ProposalQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="shifts_proposal_state_known", condition=Q(state__in=ProposalState.values)
            ),
            models.CheckConstraint(
                name="shifts_proposal_forward", condition=Q(ends_at__gt=F("starts_at"))
            ),
            models.CheckConstraint(
                name="shifts_proposal_shift_of_accepted",
                condition=Q(state=ProposalState.ACCEPTED, shift__isnull=False)
                | (~Q(state=ProposalState.ACCEPTED) & Q(shift__isnull=True)),
            ),
            no_overlap(
                "shifts_proposal_no_overlap",
                keys=["vehicle"],
                where=Q(state__in=STANDING),
                code="proposal_overlap",
            ),
        ]
        indexes = [
            models.Index(fields=["provider", "state", "id"], name="shifts_proposal_by_state"),
            models.Index(fields=["vehicle", "starts_at"], name="shifts_proposal_of_vehicle"),
        ]

    def __str__(self) -> str:
        return f"Proposed shift of {told(self, 'vehicle')}, {date_format(self.business_date)}"


class ShiftProposalEvent(StateEvent):
    proposal = models.ForeignKey(ShiftProposal, models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        pass
