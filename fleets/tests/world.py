"""What fleets adds to the world of the access matrix."""

from django.db import transaction
from django.test import override_settings

from drivers.models import Driver
from fleets import services
from fleets.models import (
    AuditEntry,
    DataImport,
    FleetProvider,
    InboxItem,
    Membership,
    Notice,
    WebhookDelivery,
    WebhookEndpoint,
)
from fleets.services import api_clients, inbox, link_object, notices, sandboxes, webhooks
from voltop import events
from voltop.records import record_kinds
from voltop.tests.world import World


def build(world: World) -> None:
    a, b = world.a, world.b
    foreign_depot = world.depot(b, world.canary("depot"))
    world.put("provider", own=a, foreign=b)
    world.put("policy", own=a.policy, foreign=b.policy)
    world.put("depot", own=world.depot(), foreign=foreign_depot)
    memberships = Membership.objects.unscoped()
    world.put(
        "membership",
        own=memberships.get(user=world.viewer),
        foreign=memberships.get(user=world.person(b, "viewer")),
    )
    world.put("person", own=world.viewer, foreign=world.person(b, "viewer"))
    refs = [
        link_object(depot, actor=world.actor(provider), system="erp", external_id="depot-1")
        for provider, depot in ((a, world.objects["depot"].own), (b, foreign_depot))
    ]
    world.put("external_ref", own=refs[0], foreign=refs[1])
    clients = [
        api_clients.create_client(
            provider, actor=world.actor(provider), name=name, wanted=["fleets:read"]
        )[0]
        for provider, name in ((a, "Bridge"), (b, world.canary("Bridge")))
    ]
    world.put("api_client", own=clients[0], foreign=clients[1])
    untested = [
        api_clients.create_client(
            provider, actor=world.actor(provider), name=name, wanted=["fleets:read"]
        )[0]
        for provider, name in ((a, "Scales"), (b, world.canary("Scales")))
    ]
    world.put("untested_client", own=untested[0], foreign=untested[1])
    for client in clients:
        sandboxes.open_sandbox(client, actor=world.actor(client.provider))
    hooks = [_webhook(world, provider) for provider in (a, b)]
    world.put("webhook_endpoint", own=hooks[0].endpoint, foreign=hooks[1].endpoint)
    world.put("webhook_delivery", own=hooks[0], foreign=hooks[1])
    told = [_notice(driver) for driver in (world.driver, world.foreign_driver)]
    world.put("notice", own=told[0], foreign=told[1])
    items = [_inbox_item(world, provider) for provider in (a, b)]
    world.put("inbox_item", own=items[0], foreign=items[1])
    world.put("data_import", own=_import(world, a), foreign=_import(world, b))
    entries = AuditEntry.objects.unscoped().order_by("id")
    world.put(
        "audit_entry",
        own=entries.filter(provider=a).first(),
        foreign=entries.filter(provider=b, object_id=str(foreign_depot.pk)).first(),
    )


@transaction.atomic
def _notice(driver: Driver) -> Notice | None:
    return notices.notify(
        driver.user, "chat.answered", {"number": str(driver)}, about=driver, once="world"
    )


def _inbox_item(world: World, provider: FleetProvider) -> InboxItem:
    """An endpoint that is off, and so a piece of work."""
    endpoint = _endpoint(world, provider, "Old hook")
    webhooks.disable_endpoint(endpoint, actor=world.actor(provider), reason="moved")
    inbox.refresh(provider_id=provider.pk, objects={"webhookendpoint"})
    return InboxItem.objects.for_provider(provider.pk).get(object_id=endpoint.pk)


def _import(world: World, provider: FleetProvider) -> DataImport:
    """A dry run of one depot, judged, with something wrong."""
    name = "depots.csv" if provider == world.a else f"{world.canary('depots')}.csv"
    made = services.request_import(
        provider,
        actor=world.actor(provider),
        kind=record_kinds()["depots"],
        file_name=name,
        content=b"name,geofence_radius_m\nNorth,far\nEast,100\n",
        dry_run=True,
    )
    services.run_import(made.job_id)
    return made


def _webhook(world: World, provider: FleetProvider) -> WebhookDelivery:
    """An endpoint with a test event on its way to it."""
    endpoint = _endpoint(world, provider, "Hook")
    webhooks.send_test(endpoint, actor=world.actor(provider))
    events.send_pending()
    return WebhookDelivery.objects.select_related("endpoint").get(endpoint=endpoint)


def _endpoint(world: World, provider: FleetProvider, name: str) -> WebhookEndpoint:
    with override_settings(OUTBOUND_ALLOWED=["hooks.example:443"]):
        endpoint, _secret = webhooks.create_endpoint(
            provider,
            actor=world.actor(provider),
            name=name if provider == world.a else world.canary(name),
            url="https://hooks.example/",
            kinds=["vehicle.retired"],
        )
    return endpoint
