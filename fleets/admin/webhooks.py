"""Webhooks in the admin: endpoints that can be stopped, tested and ended, deliveries sent again.

Endpoints are made over the API, where the secret is shown to whoever will use it.
"""

from typing import Any

from django.contrib import admin

from fleets.admin.base import EventInline, ReadOnlyAdmin, service_action, status_badge
from fleets.models import WebhookDelivery, WebhookEndpoint, WebhookEndpointEvent
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


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    list_display = ("name", "url", "kinds", "state", "failing_since", "disabled_reason")
    list_filter = ("status",)
    search_fields = ("name", "url")
    exclude = ("secret", "previous_secret")
    inlines = (WebhookEndpointEventInline,)
    actions = (
        service_action("Send a test event", CHANGE, _test),
        service_action("Send again what was given up", "fleets.change_webhookdelivery", _send_dead),
        service_action("Enable", CHANGE, _enable),
        service_action("Disable", CHANGE, _disable),
        service_action("End for good", "fleets.delete_webhookendpoint", _retire),
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
    actions = (service_action("Send again", "fleets.change_webhookdelivery", _redeliver),)
    state = status_badge(pending="info", delivered="success", dead="danger")
