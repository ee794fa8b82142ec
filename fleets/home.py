"""Fleets' part of the first page and of the inbox: webhooks that do not arrive."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from fleets.models import DeliveryStatus, EndpointStatus, WebhookDelivery, WebhookEndpoint
from voltop.home import Work

ENDPOINTS = "/admin/fleets/webhookendpoint/"


def work() -> list[Work]:
    """Endpoints that were switched off, and those that some events never reached."""
    return [
        Work(
            "fleets.endpoint_disabled",
            _("Webhook endpoints that are off"),
            lambda provider_id: _endpoints(provider_id, EndpointStatus.DISABLED),
            f"{ENDPOINTS}?status__exact=disabled",
            "fleets.change_webhookendpoint",
            icon="webhook",
            done_by_hand=True,
        ),
        Work(
            "fleets.deliveries_given_up",
            _("Webhook endpoints with events given up"),
            _with_dead_deliveries,
            "/admin/fleets/webhookdelivery/?status__exact=dead",
            "fleets.change_webhookdelivery",
            icon="sms_failed",
            done_by_hand=True,
        ),
    ]


def _endpoints(provider_id: int | None, status: str) -> QuerySet[Any]:
    return WebhookEndpoint.objects.seen_from(provider_id).filter(status=status)


def _with_dead_deliveries(provider_id: int | None) -> QuerySet[Any]:
    dead = WebhookDelivery.objects.filter(endpoint=OuterRef("pk"), status=DeliveryStatus.DEAD)
    return _endpoints(provider_id, EndpointStatus.ACTIVE).filter(Exists(dead))
