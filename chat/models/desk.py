"""What a company has set for its support desk."""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from fleets.models import FleetProvider, ProviderModel
from voltop.querysets import ProviderQuerySet


def _target(words: Any) -> "models.PositiveIntegerField":
    """Minutes of open time within which an answer is promised; null promises none."""
    return models.PositiveIntegerField(words, null=True, blank=True)


class SlaPolicy(ProviderModel):
    """How soon a company answers its drivers, and when: times run while the desk is open.

    opening_hours as a depot's, in the company's zone, empty means always; days off are the public
    holidays of the company's `holiday_region`, unless `holidays_off` says otherwise. What is urgent
    counts around the clock where `urgent_always`. `resolve_after_days` of the driver's silence end
    a conversation, told `resolve_notice_days` before; null: never.
    """

    provider = models.OneToOneField(FleetProvider, models.PROTECT, related_name="sla_policy")
    opening_hours = models.JSONField(default=dict, blank=True)
    holidays_off = models.BooleanField(default=True)
    urgent_always = models.BooleanField(default=True)
    urgent_first_min = _target(_("urgent, first answer (min)"))
    urgent_next_min = _target(_("urgent, further answers (min)"))
    high_first_min = _target(_("high, first answer (min)"))
    high_next_min = _target(_("high, further answers (min)"))
    normal_first_min = _target(_("normal, first answer (min)"))
    normal_next_min = _target(_("normal, further answers (min)"))
    warn_min = models.PositiveIntegerField(default=15)
    off_hours_answer = models.BooleanField(default=True)
    resolve_after_days = models.PositiveSmallIntegerField(null=True, blank=True)
    resolve_notice_days = models.PositiveSmallIntegerField(default=2)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="chat_sla_policy_notice_first",
                condition=Q(resolve_after_days__isnull=True)
                | Q(resolve_after_days__gt=F("resolve_notice_days")),
            ),
        ]

    def __str__(self) -> str:
        return str(_("Support hours and times"))


class CannedReply(ProviderModel):
    """An answer that is given often, in one language; what varies stands as {{driver}} and so on.

    Of one shortcut there is at most one in each language. Not deleted: retired.
    """

    shortcut = models.CharField(max_length=40)
    language = models.CharField(max_length=5, default="en")
    body = models.TextField(max_length=4000)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        ordering = ("shortcut", "language", "id")
        verbose_name_plural = "canned replies"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "shortcut", "language"],
                condition=Q(retired_at__isnull=True),
                name="chat_canned_reply_once",
            ),
            models.CheckConstraint(
                name="chat_canned_reply_not_empty", condition=~Q(body="") & ~Q(shortcut="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shortcut} ({self.language})"
