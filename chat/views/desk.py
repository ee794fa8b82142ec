"""What a company has set for its support desk."""

from rest_framework.request import Request
from rest_framework.response import Response

from chat import errors, services
from chat.models import SlaPolicy
from chat.serializers import SlaPolicyInputSerializer, SlaPolicySerializer
from fleets.errors import InvalidOpeningHours, ProviderNotActive
from fleets.selectors import active_provider
from voltop.api.viewsets import ListRetrieveViewSet


class SlaPolicyView(ListRetrieveViewSet):
    """Support hours and times of the company: none or one."""

    queryset = SlaPolicy.objects.all()
    serializer_class = SlaPolicySerializer
    permissions = {
        "list": "chat.view_slapolicy",
        "retrieve": "chat.view_slapolicy",
        "create": "chat.add_slapolicy",
        "partial_update": "chat.change_slapolicy",
    }
    input_serializers = {
        "create": SlaPolicyInputSerializer,
        "partial_update": SlaPolicyInputSerializer,
    }
    errors = {
        "create": (
            errors.PolicyWrong,
            errors.SlaPolicyExists,
            InvalidOpeningHours,
            ProviderNotActive,
        ),
        "partial_update": (errors.PolicyWrong, InvalidOpeningHours),
    }

    def create(self, request: Request) -> Response:
        """Set support hours and times for the first time."""
        policy = services.create_policy(
            active_provider(self.actor), actor=self.actor, **self.read_input()
        )
        return self.respond(policy, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change some; answers that drivers wait for are due by the new ones."""
        policy = self.get_object()
        return self.respond(services.change_policy(policy, actor=self.actor, **self.read_input()))
