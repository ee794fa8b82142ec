"""Shifts: a driver's working period, the cars of it, its breaks, and its timeline."""

from django.db import models
from django.db.models import F, Q
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from fleets.models import Depot, ProviderModel
from shifts.querysets import ShiftQuerySet, StintQuerySet
from vehicles.models import Assignment, Vehicle
from voltop.constraints import no_overlap
from voltop.states import Machine, News, StateEvent
from voltop.words import moment, told


class ShiftStatus(models.TextChoices):
    SCHEDULED = "scheduled", _("scheduled")
    ACTIVE = "active", _("active")
    ON_BREAK = "on_break", _("on break")
    MISSED = "missed", _("missed")
    CANCELLED = "cancelled", _("cancelled")
    AUTO_CLOSED = "auto_closed", _("closed automatically")
    ENDED = "ended", _("ended")
    CONFIRMED = "confirmed", _("confirmed")
    SETTLED = "settled", _("settled")


RUNNING = (ShiftStatus.ACTIVE, ShiftStatus.ON_BREAK)
"""The driver is at work now: a start, no end."""

WORKED = (
    ShiftStatus.AUTO_CLOSED,
    ShiftStatus.ENDED,
    ShiftStatus.CONFIRMED,
    ShiftStatus.SETTLED,
)
"""Work is over: a start and an end."""

UNWORKED = (ShiftStatus.SCHEDULED, ShiftStatus.MISSED, ShiftStatus.CANCELLED)
"""A plan, with nothing worked."""

SHIFT_MACHINE = Machine(
    "status",
    {
        "scheduled": {"active", "missed", "cancelled"},
        "active": {"on_break", "ended", "auto_closed"},
        "on_break": {"active", "ended", "auto_closed"},
        "auto_closed": {"ended"},
        "ended": {"confirmed"},
        "confirmed": {"ended", "settled"},
        "settled": set(),
        "missed": set(),
        "cancelled": set(),
    },
    news=News("shift", ids=("driver", "planned_vehicle")),
)


class CloseReason(models.TextChoices):
    DRIVER = "driver", _("ended by the driver")
    STAFF = "staff", _("ended by staff")
    TOO_LONG = "too_long", _("closed: it had run past the longest shift")
    TELEMETRY = "telemetry", _("found in telemetry")


class Shift(ProviderModel):
    """A driver's working period: planned, worked, or both. Half-open, UTC.

    `business_date` is the local date (in `time_zone`) of the planned, else the actual start: the
    day it belongs to in lists and pay. A running shift has a start and no end. What a person must
    look at before it is confirmed is `marked_for_review`, with the reasons in `review_reasons`.
    """

    Status = ShiftStatus

    driver = models.ForeignKey(Driver, models.PROTECT, related_name="shifts")
    depot = models.ForeignKey(Depot, models.PROTECT, related_name="shifts", null=True, blank=True)
    planned_vehicle = models.ForeignKey(
        Vehicle, models.PROTECT, related_name="planned_shifts", null=True, blank=True
    )
    planned_starts_at = models.DateTimeField(null=True, blank=True)
    planned_ends_at = models.DateTimeField(null=True, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=64)
    business_date = models.DateField()
    status = models.CharField(
        max_length=16, choices=ShiftStatus, default=ShiftStatus.SCHEDULED, editable=False
    )
    close_reason = models.CharField(max_length=16, choices=CloseReason, blank=True)
    marked_for_review = models.BooleanField(default=False)
    review_reasons = models.JSONField(default=list, blank=True)

    objects = ShiftQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="shifts_shift_status_known", condition=Q(status__in=ShiftStatus.values)
            ),
            models.CheckConstraint(
                name="shifts_shift_close_reason_known",
                condition=Q(close_reason__in=["", *CloseReason.values]),
            ),
            models.CheckConstraint(
                name="shifts_shift_plan_whole",
                condition=Q(planned_starts_at__isnull=True, planned_ends_at__isnull=True)
                | Q(
                    planned_starts_at__isnull=False,
                    planned_ends_at__isnull=False,
                    planned_ends_at__gt=F("planned_starts_at"),
                ),
            ),
            models.CheckConstraint(
                name="shifts_shift_columns_of_status",
                condition=Q(
                    status__in=UNWORKED,
                    planned_starts_at__isnull=False,
                    starts_at__isnull=True,
                    ends_at__isnull=True,
                )
                | Q(status__in=RUNNING, starts_at__isnull=False, ends_at__isnull=True)
                | Q(
                    status__in=WORKED,
                    starts_at__isnull=False,
                    ends_at__isnull=False,
                    ends_at__gt=F("starts_at"),
                ),
            ),
            models.UniqueConstraint(
                name="shifts_shift_one_running",
                fields=["driver"],
                condition=Q(status__in=RUNNING),
                violation_error_code="shift_running",
            ),
            no_overlap(
                "shifts_shift_planned_no_overlap",
                keys=["driver"],
                starts="planned_starts_at",
                ends="planned_ends_at",
                not_null=["planned_ends_at"],
                where=Q(status__in=(ShiftStatus.SCHEDULED, *RUNNING)),
                code="shift_plan_overlap",
            ),
            no_overlap(
                "shifts_shift_worked_no_overlap",
                keys=["driver"],
                code="shift_overlap",
            ),
        ]
        indexes = [
            models.Index(fields=["provider", "business_date", "id"], name="shifts_shift_by_date"),
            models.Index(fields=["provider", "status", "id"], name="shifts_shift_by_status"),
            models.Index(fields=["driver", "starts_at"], name="shifts_shift_of_driver"),
        ]
        permissions = [
            ("work_shift", "Can start and end their own shifts"),
            ("override_start_gates", "Can start a shift against the rules, with a reason"),
            ("confirm_shift", "Can confirm and reopen shifts"),
        ]

    def __str__(self) -> str:
        return f"Shift of {told(self, 'driver')}, {date_format(self.business_date)}"

    @property
    def is_running(self) -> bool:
        return self.status in RUNNING


class ShiftEvent(StateEvent):
    """`at` is when it happened for pay, `claimed_at` what the phone said where that differed."""

    shift = models.ForeignKey(Shift, models.PROTECT, related_name="events")
    claimed_at = models.DateTimeField(null=True, blank=True)

    class Meta(StateEvent.Meta):
        pass


class ShiftStint(ProviderModel):
    """One car of a shift: the part of it driven on one assignment of kind shift.

    The assignment is the truth about who has the car; the stint repeats its period, so that a
    shift can be measured without asking again. `reason`: why the car was changed.
    """

    shift = models.ForeignKey(Shift, models.PROTECT, related_name="stints")
    assignment = models.OneToOneField(Assignment, models.PROTECT, related_name="stint")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    objects = StintQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="shifts_stint_forward",
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
            ),
            no_overlap(
                "shifts_stint_no_overlap",
                keys=["shift"],
            ),
        ]

    def __str__(self) -> str:
        return f"{told(self, 'shift')}: from {moment(self.starts_at)}"


class ShiftBreak(ProviderModel):
    """A rest within a shift; an open one (no end) means that the driver is on break now."""

    shift = models.ForeignKey(Shift, models.PROTECT, related_name="breaks")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="shifts_break_forward",
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
            ),
            no_overlap(
                "shifts_break_no_overlap",
                keys=["shift"],
            ),
        ]

    def __str__(self) -> str:
        return f"{told(self, 'shift')}: break from {moment(self.starts_at)}"
