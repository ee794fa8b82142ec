"""Webhook endpoints of a company's integrators, and what was sent to each."""

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fleets.models.base import ProviderModel
from voltop.ids import uuid7
from voltop.states import Machine, News, QuietMachine, StateEvent


class EndpointStatus(models.TextChoices):
    ACTIVE = "active", _("active")
    DISABLED = "disabled", _("disabled")
    RETIRED = "retired", _("retired")


ENDPOINT_MACHINE = Machine(
    "status",
    {
        "active": {"disabled", "retired"},
        "disabled": {"active", "retired"},
        "retired": set(),
    },
    news=News("webhook_endpoint", {"disabled": "webhook_endpoint.disabled"}),
)


class WebhookEndpoint(ProviderModel):
    """An address that events are pushed to, signed with its own secret.

    `kinds` are the events wanted: "shift.ended", "shift.*" or "*". `secret` is encrypted and in
    force; so is `previous_secret` until `previous_until`. `failing_since` is when the calls began
    to fail without one that went well.
    """

    Status = EndpointStatus

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    name = models.CharField(max_length=80)
    url = models.CharField(max_length=2048)
    kinds = ArrayField(models.CharField(max_length=60))
    status = models.CharField(
        max_length=8, choices=EndpointStatus, default=EndpointStatus.ACTIVE, editable=False
    )
    secret = models.BinaryField(editable=False)
    previous_secret = models.BinaryField(null=True, editable=False)
    previous_until = models.DateTimeField(null=True, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    disabled_reason = models.CharField(max_length=200, blank=True, editable=False)

    shown_secret: str = ""  # set by the one answer that shows it

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="fleets_endpoint_status_known", condition=Q(status__in=EndpointStatus.values)
            ),
            models.CheckConstraint(
                name="fleets_endpoint_previous_ends",
                condition=Q(previous_secret=None, previous_until=None)
                | Q(previous_secret__isnull=False, previous_until__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["provider", "status"], name="fleets_endpoint_by_status")]

    def __str__(self) -> str:
        return self.name

    @property
    def lane(self) -> str:
        """The outbox lane of its deliveries."""
        return f"webhook:{self.pk}"


class WebhookEndpointEvent(StateEvent):
    """One move of an endpoint."""

    endpoint = models.ForeignKey(WebhookEndpoint, models.PROTECT, related_name="events")


class DeliveryStatus(models.TextChoices):
    PENDING = "pending", _("pending")
    DELIVERED = "delivered", _("delivered")
    DEAD = "dead", _("given up")


DELIVERY_MACHINE = QuietMachine(
    "status",
    {
        "pending": {"delivered", "dead"},
        "dead": {"pending", "delivered"},
        "delivered": {"pending"},
    },
)


class WebhookDelivery(ProviderModel):
    """One event on its way to one endpoint; deleted with the event.

    `message` is its place in the outbox, which knows when it is tried next. `last_status` is the
    code of the last answer, null where there was none. `log` holds the last attempts: at, status,
    error, ms.
    """

    Status = DeliveryStatus

    endpoint = models.ForeignKey(WebhookEndpoint, models.PROTECT, related_name="deliveries")
    event = models.ForeignKey("voltop.Event", models.CASCADE, related_name="+")
    message = models.ForeignKey(
        "voltop.OutboxMessage", models.SET_NULL, related_name="+", null=True, editable=False
    )
    status = models.CharField(
        max_length=12, choices=DeliveryStatus, default=DeliveryStatus.PENDING, editable=False
    )
    attempts = models.PositiveIntegerField(default=0, editable=False)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    last_error = models.CharField(max_length=200, blank=True, editable=False)
    last_attempt_at = models.DateTimeField(null=True, blank=True, editable=False)
    delivered_at = models.DateTimeField(null=True, blank=True, editable=False)
    log = models.JSONField(default=list, editable=False)

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="fleets_delivery_once"),
            models.CheckConstraint(
                name="fleets_delivery_status_known", condition=Q(status__in=DeliveryStatus.values)
            ),
            models.CheckConstraint(
                name="fleets_delivery_delivered_at",
                condition=~Q(status="delivered") | Q(delivered_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["provider", "-id"], name="fleets_delivery_by_id"),
            models.Index(fields=["endpoint", "status", "id"], name="fleets_delivery_by_status"),
        ]

    def __str__(self) -> str:
        return f"event {self.event_id} to {self.endpoint_id}"

    @property
    def next_try_at(self) -> datetime | None:
        """When it is tried next; null once it has ended."""
        if self.status != DeliveryStatus.PENDING or self.message is None:
            return None
        return self.message.next_at
