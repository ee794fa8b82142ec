"""Providers, their policy, depots, memberships and audit entries."""

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets import audit, services
from fleets.errors import TooManyAttempts
from fleets.filters import AuditFilter, DepotFilter, MembershipFilter, ProviderFilter
from fleets.models import AuditEntry, Depot, FleetPolicy, FleetProvider, Membership
from fleets.records import RecordViewSet
from fleets.selectors import active_provider
from fleets.serializers.providers import (
    AuditEntrySerializer,
    DepotInputSerializer,
    DepotSerializer,
    DepotUpdateSerializer,
    MembershipInputSerializer,
    MembershipSerializer,
    MembershipUpdateSerializer,
    PolicySerializer,
    PolicyUpdateSerializer,
    ProviderSerializer,
    ProviderUpdateSerializer,
    RevealedSerializer,
)
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet


class ProviderView(ListRetrieveViewSet):
    """The active provider: a caller sees one at a time."""

    queryset = FleetProvider.objects.all()
    serializer_class = ProviderSerializer
    filterset_class = ProviderFilter
    permissions = {
        "list": "fleets.view_fleetprovider",
        "retrieve": "fleets.view_fleetprovider",
        "partial_update": "fleets.change_fleetprovider",
    }
    input_serializers = {"partial_update": ProviderUpdateSerializer}

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change name, legal name, tax id or language."""
        provider = self.get_object()
        return self.respond(
            services.update_provider(provider, actor=self.actor, **self.read_input())
        )


class PolicyView(ListRetrieveViewSet):
    """The provider's rules; a list of one, changed by PATCH on the row."""

    queryset = FleetPolicy.objects.select_related("provider")
    serializer_class = PolicySerializer
    permissions = {
        "list": "fleets.view_fleetpolicy",
        "retrieve": "fleets.view_fleetpolicy",
        "partial_update": "fleets.change_fleetpolicy",
    }
    input_serializers = {"partial_update": PolicyUpdateSerializer}

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change some of the rules; every change is audited with before and after."""
        policy = self.get_object()
        values = self.read_input()
        return self.respond(
            services.change_policy(policy.provider, actor=self.actor, values=values)
        )


class DepotView(RecordViewSet):
    """Places where vehicles stand, charge and are handed over."""

    record = "depots"
    queryset = Depot.objects.all()
    serializer_class = DepotSerializer
    filterset_class = DepotFilter
    search_fields = ("name", "address")
    ordering_fields = ("id", "name", "updated_at")
    permissions = {
        "list": "fleets.view_depot",
        "retrieve": "fleets.view_depot",
        "create": "fleets.add_depot",
        "partial_update": "fleets.change_depot",
        "retire": "fleets.change_depot",
    }
    input_serializers = {
        "create": DepotInputSerializer,
        "partial_update": DepotUpdateSerializer,
        "retire": ReasonSerializer,
    }

    def create(self, request: Request) -> Response:
        """Add a depot."""
        depot = services.create_depot(
            active_provider(self.actor), actor=self.actor, **self.read_input()
        )
        return self.respond(depot, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a depot."""
        depot = self.get_object()
        return self.respond(services.update_depot(depot, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Take a depot out of use; it keeps its history."""
        depot = self.get_object()
        return self.respond(services.retire_depot(depot, actor=self.actor, **self.read_input()))


class MembershipView(ListRetrieveViewSet):
    """Who holds which role."""

    queryset = Membership.objects.select_related("user")
    serializer_class = MembershipSerializer
    filterset_class = MembershipFilter
    permissions = {
        "list": "fleets.view_membership",
        "retrieve": "fleets.view_membership",
        "create": "fleets.add_membership",
        "partial_update": "fleets.change_membership",
        "end": "fleets.change_membership",
        "invite_again": "fleets.add_membership",
    }
    statuses = {"invite_again": 202}
    errors = {"invite_again": (TooManyAttempts,)}
    input_serializers = {
        "create": MembershipInputSerializer,
        "partial_update": MembershipUpdateSerializer,
        "end": ReasonSerializer,
    }

    def create(self, request: Request) -> Response:
        """Give a person a role, by e-mail address."""
        membership = services.invite_member(
            active_provider(self.actor), actor=self.actor, **self.read_input()
        )
        return self.respond(membership, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a role; tokens of whoever works for this company alone end at once."""
        membership = self.get_object()
        return self.respond(services.change_role(membership, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """Take the role away; tokens of whoever works for this company alone end at once."""
        membership = self.get_object()
        return self.respond(
            services.end_membership(membership, actor=self.actor, **self.read_input())
        )

    @action(detail=True, methods=["post"], url_path="invite-again")
    def invite_again(self, request: Request, pk: str) -> Response:
        """Send the person another invitation; the one before ends. Three an hour at most."""
        membership = self.get_object()
        self.read_input()
        services.invite_member_again(membership, actor=self.actor)
        return self.respond(membership, status=202)


class AuditView(ListRetrieveViewSet):
    """Who changed what that matters, before and after."""

    queryset = AuditEntry.objects.select_related("seal")
    serializer_class = AuditEntrySerializer
    filterset_class = AuditFilter
    ordering_fields = ("id", "at")
    permissions = {
        "list": "fleets.view_auditentry",
        "retrieve": "fleets.view_auditentry",
        "reveal": "fleets.reveal_auditentry",
    }
    input_serializers = {"reveal": ReasonSerializer}
    output_serializers = {"reveal": RevealedSerializer}

    @action(detail=True, methods=["post"])
    def reveal(self, request: Request, pk: str) -> Response:
        """Show the personal values of an entry; having looked is an entry of its own."""
        entry = self.get_object()
        changes = audit.reveal(entry, actor=self.actor, **self.read_input())
        return self.respond({"changes": changes})
