"""Routes that exist only in tests: the strict base over fleets' depots, callers made by hand.

A real table with real constraints, so that what the base says of the database is true.
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, models
from django.urls import include, path
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import action
from rest_framework.response import Response

from fleets.models import Depot
from voltop.api import fields, filters
from voltop.api.exceptions import no_such_route
from voltop.api.periods import PeriodField
from voltop.api.permissions import ANYONE, SIGNED_IN
from voltop.api.routers import Router
from voltop.api.serializers import ModelSerializer, Serializer
from voltop.api.urls import fallback
from voltop.api.urls import urlpatterns as api_urlpatterns
from voltop.api.views import OperationView
from voltop.api.viewsets import ListRetrieveViewSet
from voltop.context import Actor
from voltop.errors import DomainError

VIEW, CHANGE = "fleets.view_depot", "fleets.change_depot"


@dataclass
class Caller:
    """A principal that is whatever the test wants."""

    id: int = 7
    provider_id: int | None = None
    permissions: tuple[str, ...] = (VIEW, CHANGE)
    is_authenticated: bool = True

    def activate(self, request: Any) -> None:
        """The provider is fixed."""

    def has_perm(self, perm: str) -> bool:
        return perm in self.permissions

    def counted_as(self) -> list[tuple[str, Any]]:
        return [("account", self.id)]

    def actor(self) -> Actor:
        return Actor("user", self.id, self.provider_id)


CALLERS: dict[str, Caller] = {}


class ByName(BaseAuthentication):
    def authenticate_header(self, request: Any) -> str:
        return "Bearer"

    def authenticate(self, request: Any) -> Any:
        name = request.META.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
        return (CALLERS[name], None) if name in CALLERS else None


class DepotFull(DomainError):
    code = "test_depot_full"
    message = "This depot is full."


class DepotSerializer(ModelSerializer):
    class Meta:
        model = Depot
        fields = ("id", "provider", "name", "latitude", "geofence_radius_m", "updated_at")


class DepotInput(Serializer):
    name = fields.StrictCharField(max_length=120)
    geofence_radius_m = fields.StrictIntegerField(min_value=0, max_value=100_000, required=False)


class DepotChange(DepotInput):
    name = fields.StrictCharField(max_length=120, required=False)


class DepotFilters(filters.FilterSet):
    name = filters.TextFilter()
    provider = filters.IdFilter()
    radius_from = filters.IntegerFilter("geofence_radius_m", "gte")
    retired = filters.BooleanFilter("retired_at", "isnull", exclude=True)
    changed_from = filters.InstantFilter("updated_at", "gte")


class DepotViewSet(ListRetrieveViewSet):
    """Depots, for tests."""

    authentication_classes = (ByName,)
    queryset = Depot.objects.all()
    serializer_class = DepotSerializer
    filterset_class = DepotFilters
    ordering_fields = ("name", "geofence_radius_m", "latitude", "updated_at")
    search_fields = ("name", "address")
    permissions = {
        "list": VIEW,
        "retrieve": VIEW,
        "create": CHANGE,
        "partial_update": CHANGE,
        "fail": CHANGE,
        "retire": CHANGE,
    }
    input_serializers = {"create": DepotInput, "partial_update": DepotChange}
    output_serializers = {"fail": None}
    idempotency = {"retire": "refused", "fail": "required"}
    ran: list[str] = []

    def create(self, request: Any) -> Response:
        values = self.read_input()
        self.ran.append(values["name"])
        if values["name"].startswith("slow"):
            time.sleep(0.05)
        depot = Depot.objects.create(provider_id=self.actor.provider_id, time_zone="UTC", **values)
        if values["name"].startswith("full"):
            raise DepotFull(field="name", room=0)
        return self.respond(depot, status=201)

    def partial_update(self, request: Any, pk: str) -> Response:
        depot = self.get_object()
        Depot.objects.filter(pk=depot.pk).update(**self.read_input())
        return self.respond(depot)

    @action(detail=True, methods=["post"])
    def retire(self, request: Any, pk: str) -> Response:
        return self.respond(self.get_object())

    @action(detail=False, methods=["post"])
    def fail(self, request: Any) -> Response:
        """Breaks in the way that the query parameter names."""
        self.ran.append("fail")
        raise AssertionError("broken on purpose")


class EverythingInput(Serializer):
    """One field of every kind, none required."""

    name = fields.StrictCharField(max_length=40, required=False)
    note = fields.StrictCharField(max_length=400, multiline=True, required=False)
    email = fields.EmailField(required=False)
    url = fields.UrlField(required=False)
    secret = fields.SecretField(required=False)
    count = fields.StrictIntegerField(required=False)
    share = fields.StrictDecimalField(max_digits=8, decimal_places=2, required=False)
    latitude = fields.StrictFloatField(min_value=-90, max_value=90, required=False)
    is_new = fields.StrictBooleanField(required=False)
    ref = fields.StrictUUIDField(required=False)
    status = fields.StrictChoiceField(choices=["open", "closed"], required=False)
    tags = fields.StrictListField(
        child=fields.StrictCharField(max_length=10), max_length=3, required=False
    )
    pair = fields.StrictListField(
        child=fields.StrictIntegerField(), min_length=2, max_length=2, required=False
    )
    code = fields.StrictCharField(min_length=3, max_length=5, required=False)
    meta = fields.ObjectField(required=False)
    price = fields.MoneyField(required=False)
    at = fields.InstantField(required=False)
    on = fields.DateField(required=False)
    opens = fields.TimeField(required=False)
    period = PeriodField(longest=timedelta(days=1), required=False)
    depot = fields.ProviderRelatedField(queryset=Depot.objects.all(), required=False)


class EverythingView(OperationView):
    """Reads one field of every kind and shows what was understood."""

    authentication_classes = (ByName,)
    permissions = {"post": SIGNED_IN, "get": ANYONE}
    input_serializers = {"post": EverythingInput}
    output_serializers = {"post": {"type": "object"}, "get": {"type": "object"}}
    query_parameters = {"get": {"how": {"type": "string", "maxLength": 200}}}

    def post(self, request: Any) -> Response:
        values = self.read_input()
        shown = {k: v.pk if isinstance(v, models.Model) else v for k, v in values.items()}
        return Response(shown)

    def get(self, request: Any) -> Response:
        """Break in the way that `how` names: SQL to run, or an exception."""
        how = self.parameters.get("how", "")
        if how == "crash":
            raise ZeroDivisionError("secret detail")
        with connection.cursor() as cursor:
            cursor.execute(how)
        return Response({})


router = Router()
router.register("depots", DepotViewSet)

urlpatterns = [
    path("api/v1/", include(router.urls)),
    path("api/v1/everything/", EverythingView.as_view()),
    path("api/v1/", include(api_urlpatterns)),
    path("api/v1/plain/", no_such_route),
    fallback,
]
handler400 = "voltop.api.exceptions.handler400"
handler404 = "voltop.api.exceptions.handler404"
handler500 = "voltop.api.exceptions.handler500"
