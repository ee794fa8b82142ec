"""Webhooks in the admin: endpoints that can be stopped, tested and ended, deliveries sent again.

Endpoints are made over the API, where the secret is shown to whoever will use it.
"""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from fleets.admin.base import EventInline, ReadOnlyAdmin, service_action, status_badge
from fleets.models import (
    DELIVERY_MACHINE,
    ENDPOINT_MACHINE,
    EndpointStatus,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEndpointEvent,
)
from fleets.services import deliveries, webhooks
from voltop.context import Actor

CHANGE = "fleets.change_webhookendpoint"


class WebhookEndpointEventInline(EventInline):
    model = WebhookEndpointEvent


def _enable(endpoint: WebhookEndpoint, actor: Actor, reason: str) -> Any:
    return webhooks.enable_endpoint(endpoint, actor=actor)


def _disable(endpoint: WebhookEndpoint, actor: Actor, reason: str) -> Any:
    return webhooks.disable_endpoint(endpoint, actor=actor, reason=reason)


def _test(endpoint: WebhookEndpoint, actor: Actor, reason: str) -> Any:
    return webhooks.send_test(endpoint, actor=actor)


def _send_dead(endpoint: WebhookEndpoint, actor: Actor, reason: str) -> Any:
    return deliveries.redeliver_dead(endpoint, actor=actor)


def _retire(endpoint: WebhookEndpoint, actor: Actor, reason: str) -> Any:
    return webhooks.retire_endpoint(endpoint, actor=actor, reason=reason)


def _redeliver(delivery: WebhookDelivery, actor: Actor, reason: str) -> Any:
    return deliveries.redeliver(delivery, actor=actor)


def _is_active(endpoint: WebhookEndpoint, actor: Actor) -> bool:
    return endpoint.status == EndpointStatus.ACTIVE


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    list_note = _("Endpoints are made over the API, which shows the secret to who will use it.")
    list_display = ("name", "url", "kinds", "state", "failing_since", "disabled_reason")
    list_filter = ("status",)
    search_fields = ("name", "url")
    exclude = ("secret", "previous_secret")
    inlines = (WebhookEndpointEventInline,)
    actions = (
        service_action(_("Send a test event"), CHANGE, _test, when=_is_active),
        service_action(
            _("Send again what was given up"),
            "fleets.change_webhookdelivery",
            _send_dead,
            when=_is_active,
        ),
        service_action(_("Enable"), CHANGE, _enable, when=ENDPOINT_MACHINE.opens("active")),
        service_action(_("Disable"), CHANGE, _disable, when=ENDPOINT_MACHINE.opens("disabled")),
        service_action(
            _("End for good"),
            "fleets.delete_webhookendpoint",
            _retire,
            when=ENDPOINT_MACHINE.opens("retired"),
        ),
    )
    state = status_badge(active="success", disabled="danger", retired="info")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = (
        *("id", "endpoint", "event", "state", "attempts", "last_status", "last_error"),
        "last_attempt_at",
    )
    list_filter = ("status", "endpoint")
    list_select_related = ("endpoint", "event")
    search_fields = ("event__uuid", "event__kind")
    ordering = ("-id",)
    actions = (
        service_action(
            _("Send again"),
            "fleets.change_webhookdelivery",
            _redeliver,
            when=DELIVERY_MACHINE.opens("pending"),
        ),
    )
    state = status_badge(pending="info", delivered="success", dead="danger")
