"""Calls for help: who is on call, alarms that ring until somebody acknowledges, and their pages."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chat.models.conversations import Conversation
from fleets.models import ProviderModel
from voltop.querysets import ProviderQuerySet
from voltop.states import Machine, News, QuietMachine, StateEvent
from voltop.words import told


class OnCall(ProviderModel):
    """Somebody who is called when a driver needs help at once; the lowest `position` first."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(default=1)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        ordering = ("position", "id")
        verbose_name = "person on call"
        verbose_name_plural = "on call"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "user"],
                condition=Q(ended_at__isnull=True),
                name="chat_on_call_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {told(self, 'user')}"


class AlarmStatus(models.TextChoices):
    RINGING = "ringing", _("ringing")
    ACKNOWLEDGED = "acknowledged", _("acknowledged")


ALARM_MACHINE = Machine(
    "status",
    {"ringing": {"acknowledged"}, "acknowledged": set()},
    news=News("alarm", ids=("conversation",)),
)


class AlarmCause(models.TextChoices):
    SOS = "sos", _("SOS")
    ACCIDENT = "accident", _("accident")


class Alarm(ProviderModel):
    """A driver needs help at once. It rings, one person after the other, until it is acknowledged.

    Of one conversation at most one rings. latitude and longitude (WGS 84) are where the driver's
    phone said to be.
    """

    Status = AlarmStatus

    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="alarms")
    cause = models.CharField(max_length=16, choices=AlarmCause)
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    status = models.CharField(
        max_length=16, choices=AlarmStatus, default=AlarmStatus.RINGING, editable=False
    )
    raised_at = models.DateTimeField()
    next_page_at = models.DateTimeField(null=True, blank=True, editable=False)
    acknowledged_at = models.DateTimeField(null=True, blank=True, editable=False)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )

    objects = ProviderQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"], condition=Q(status="ringing"), name="chat_alarm_one_rings"
            ),
            models.CheckConstraint(
                name="chat_alarm_rings_on",
                condition=Q(
                    status="ringing", next_page_at__isnull=False, acknowledged_at__isnull=True
                )
                | Q(
                    status="acknowledged", next_page_at__isnull=True, acknowledged_at__isnull=False
                ),
            ),
            models.CheckConstraint(
                name="chat_alarm_position",
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__range=(-180, 180),
                ),
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_page_at"], condition=Q(status="ringing"), name="chat_alarm_to_page"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_cause_display()}, {told(self, 'conversation')}"


class AlarmEvent(StateEvent):
    until_forgotten = True

    alarm = models.ForeignKey(Alarm, models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        pass


class PageStatus(models.TextChoices):
    WAITING = "waiting", _("waiting")
    PASSED_ON = "passed_on", _("passed on")
    ACKNOWLEDGED = "acknowledged", _("acknowledged")
    CALLED_OFF = "called_off", _("called off")


PAGE_MACHINE = QuietMachine(
    "status",
    {
        "waiting": {"passed_on", "acknowledged", "called_off"},
        "passed_on": {"acknowledged"},
        "acknowledged": set(),
        "called_off": set(),
    },
)


class Page(ProviderModel):
    """One call of an alarm to one person; `number` counts from 1. How it went out: its notice."""

    Status = PageStatus

    alarm = models.ForeignKey(Alarm, models.PROTECT, related_name="pages")
    number = models.PositiveIntegerField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=PageStatus, default=PageStatus.WAITING)
    paged_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        ordering = ("alarm_id", "number")
        constraints = [
            models.UniqueConstraint(fields=["alarm", "number"], name="chat_page_number"),
            models.UniqueConstraint(
                fields=["alarm"], condition=Q(status="waiting"), name="chat_page_one_waits"
            ),
            models.CheckConstraint(
                name="chat_page_ended",
                condition=Q(status="waiting", ended_at__isnull=True)
                | (~Q(status="waiting") & Q(ended_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}. {told(self, 'user')}"
