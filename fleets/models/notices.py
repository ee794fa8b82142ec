"""Notices to a person, their way over each channel, and what the person has chosen."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fleets.querysets import NoticeQuerySet
from voltop.ids import uuid7
from voltop.models import Model
from voltop.states import QuietMachine


class NoticeChannel(models.TextChoices):
    EMAIL = "email", _("e-mail")
    SMS = "sms", _("SMS")
    PUSH = "push", _("push")


class Notice(Model):
    """Something a person should know, shown in the app; written with the change it tells of.

    `provider` is null for what concerns the person's own account. `params` are the values of the
    kind's words, as in the API. `key` names the fact: nobody is told the same fact twice.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="notices")
    provider = models.ForeignKey(
        "fleets.FleetProvider", models.PROTECT, related_name="+", null=True, blank=True
    )
    kind = models.CharField(max_length=60)
    params = models.JSONField(default=dict, blank=True)
    about_type = models.CharField(max_length=80, blank=True)
    about_id = models.BigIntegerField(null=True, blank=True)
    key = models.CharField(max_length=160)
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="fleets_notice_once"),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="fleets_notice_by_user"),
            models.Index(fields=["at"], name="fleets_notice_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class NoticeStatus(models.TextChoices):
    PENDING = "pending", _("pending")
    SENT = "sent", _("sent")
    SKIPPED = "skipped", _("not wanted any more")
    DEAD = "dead", _("given up")


NOTICE_MACHINE = QuietMachine(
    "status",
    {"pending": {"sent", "skipped", "dead"}, "sent": set(), "skipped": set(), "dead": set()},
)


class NoticeDelivery(Model):
    """One notice on its way over one channel; `uuid` is what a channel may know it by."""

    Status = NoticeStatus

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    notice = models.ForeignKey(Notice, models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=8, choices=NoticeChannel)
    status = models.CharField(
        max_length=8, choices=NoticeStatus, default=NoticeStatus.PENDING, editable=False
    )
    attempts = models.PositiveIntegerField(default=0, editable=False)
    last_error = models.CharField(max_length=200, blank=True, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "notice deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["notice", "channel"], name="fleets_notice_delivery_once"
            ),
            models.CheckConstraint(
                name="fleets_notice_delivery_status_known",
                condition=Q(status__in=NoticeStatus.values),
            ),
            models.CheckConstraint(
                name="fleets_notice_delivery_sent_at",
                condition=Q(status="sent", sent_at__isnull=False)
                | (~Q(status="sent") & Q(sent_at__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"notice {self.notice_id} by {self.channel}"


class NoticeChoice(Model):
    """How a person wants to be told. Without a row: by e-mail, at any time.

    Quiet hours are wall-clock times in the person's zone, from the evening to the morning or within
    one day; both null: none. `push_token` names the app on the person's phone to the push gateway.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="notice_choice"
    )
    channels = ArrayField(models.CharField(max_length=8, choices=NoticeChannel), default=list)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    push_token = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="fleets_notice_choice_quiet_both",
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | (
                    Q(quiet_from__isnull=False, quiet_until__isnull=False)
                    & ~Q(quiet_from=models.F("quiet_until"))
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"choice of user {self.user_id}"
