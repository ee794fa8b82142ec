"""What fleets adds to the world of the access matrix."""

from fleets.models import AuditEntry, Membership
from fleets.services import api_clients, link_object
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
    entries = AuditEntry.objects.unscoped().order_by("id")
    world.put(
        "audit_entry",
        own=entries.filter(provider=a).first(),
        foreign=entries.filter(provider=b, object_id=str(foreign_depot.pk)).first(),
    )
