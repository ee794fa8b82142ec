"""Pay groups, pay plans and terms."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from drivers.models import Driver
from fleets.selectors import active_provider
from payments import services
from payments.errors import (
    CurrencyMismatch,
    InvalidComponent,
    InvalidTermsPeriod,
    NameTaken,
    PayGroupInUse,
    PayGroupRetired,
    PayPlanRetired,
    RentIncomplete,
    TermsAccepted,
    TermsEnded,
    TermsOverlap,
    TermsUsed,
)
from payments.filters import PayGroupFilter, PayPlanFilter, TermsFilter
from payments.models import PayGroup, PayPlan, Terms
from payments.serializers.plans import (
    AcceptanceSerializer,
    PayGroupInputSerializer,
    PayGroupSerializer,
    PayPlanInputSerializer,
    PayPlanSerializer,
    PayPlanVersionInputSerializer,
    PayPlanVersionSerializer,
    TermsBulkSerializer,
    TermsEndSerializer,
    TermsInputSerializer,
    TermsSerializer,
)
from voltop.api.bulk import BulkAnswersSerializer, BulkRow, Outcome, answer_each
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet
from voltop.errors import ReasonRequired

OFFER_ERRORS = (
    InvalidTermsPeriod,
    RentIncomplete,
    CurrencyMismatch,
    PayGroupRetired,
    PayPlanRetired,
    TermsOverlap,
)


class PayGroupViewSet(ListRetrieveViewSet):
    """Drivers who are paid together: how often, and how long after the period."""

    queryset = PayGroup.objects.all()
    serializer_class = PayGroupSerializer
    filterset_class = PayGroupFilter
    permissions = {
        "list": "payments.view_paygroup",
        "retrieve": "payments.view_paygroup",
        "create": "payments.add_paygroup",
        "retire": "payments.change_paygroup",
    }
    input_serializers = {"create": PayGroupInputSerializer, "retire": ReasonSerializer}
    errors = {"create": (NameTaken,), "retire": (PayGroupInUse,)}

    def create(self, request: Request) -> Response:
        """Add a pay group; a company's first one is its default."""
        provider = active_provider(self.actor)
        group = services.create_pay_group(provider, actor=self.actor, **self.read_input())
        return self.respond(group, status=201)

    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Take a group out of use, once no driver is paid in it."""
        group = self.get_object()
        return self.respond(services.retire_pay_group(group, actor=self.actor, **self.read_input()))


class PayPlanViewSet(ListRetrieveViewSet):
    """Ways of paying, with all their versions."""

    queryset = PayPlan.objects.prefetch_related("versions__components")
    serializer_class = PayPlanSerializer
    output_serializers = {"versions": PayPlanVersionSerializer}
    filterset_class = PayPlanFilter
    permissions = {
        "list": "payments.view_payplan",
        "retrieve": "payments.view_payplan",
        "create": "payments.add_payplan",
        "versions": "payments.change_payplan",
        "retire": "payments.change_payplan",
    }
    input_serializers = {
        "create": PayPlanInputSerializer,
        "versions": PayPlanVersionInputSerializer,
        "retire": ReasonSerializer,
    }
    statuses = {"versions": 201}
    errors = {
        "create": (NameTaken, InvalidComponent),
        "versions": (PayPlanRetired, InvalidComponent),
    }

    def create(self, request: Request) -> Response:
        """Add a plan with its first version."""
        provider = active_provider(self.actor)
        version = services.create_pay_plan(provider, actor=self.actor, **self.read_input())
        return self.respond(version.plan, status=201)

    @action(detail=True, methods=["post"])
    def versions(self, request: Request, pk: str) -> Response:
        """Add a version; drivers come under it by new terms."""
        plan = self.get_object()
        version = services.revise_pay_plan(plan, actor=self.actor, **self.read_input())
        return self.respond(version, status=201)

    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """No new terms under this plan; those that stand go on."""
        plan = self.get_object()
        return self.respond(services.retire_pay_plan(plan, actor=self.actor, **self.read_input()))


class TermsViewSet(ListRetrieveViewSet):
    """What drivers agreed to: plan, group, rent, from when."""

    queryset = Terms.objects.all()
    serializer_class = TermsSerializer
    filterset_class = TermsFilter
    ordering_fields = ("id", "valid_from")
    output_serializers = {"bulk": BulkAnswersSerializer}
    permissions = {
        "list": "payments.view_terms",
        "retrieve": "payments.view_terms",
        "create": "payments.add_terms",
        "bulk": "payments.record_acceptance",
        "record_acceptance": "payments.record_acceptance",
        "end": "payments.change_terms",
    }
    input_serializers = {
        "create": TermsInputSerializer,
        "bulk": TermsBulkSerializer,
        "record_acceptance": AcceptanceSerializer,
        "end": TermsEndSerializer,
    }
    errors = {
        "create": OFFER_ERRORS,
        "record_acceptance": (TermsAccepted, ReasonRequired),
        "end": (TermsEnded, TermsUsed, InvalidTermsPeriod),
    }

    def create(self, request: Request) -> Response:
        """Offer terms to a driver; the past is allowed."""
        provider = active_provider(self.actor)
        values = terms_values(self.read_input(), provider.currency)
        return self.respond(services.offer_terms(actor=self.actor, **values), status=201)

    @action(detail=False, methods=["post"])
    def bulk(self, request: Request) -> Response:
        """Terms for up to 1,000 drivers, an answer each; with `evidence`, signed on paper."""
        values = self.read_input()
        rows: list[BulkRow] = values["rows"]
        provider = active_provider(self.actor)
        ids = {row.values["driver"] for row in rows if row.values is not None}
        drivers = Driver.objects.for_provider(provider.pk).in_bulk(ids)

        def create(given: dict[str, Any]) -> tuple[int, Outcome]:
            offered = terms_values(given, provider.currency)
            terms = services.offer_signed_terms(
                drivers.get(offered.pop("driver")),
                actor=self.actor,
                pay_group=values["pay_group"],
                plan_version=values["plan_version"],
                **offered,
            )
            return terms.pk, "created"

        return self.respond(answer_each(rows, create))

    @action(detail=True, methods=["post"], url_path="record-acceptance")
    def record_acceptance(self, request: Request, pk: str) -> Response:
        """Record that the driver signed on paper, and where the paper is."""
        terms = self.get_object()
        return self.respond(
            services.record_acceptance(terms, actor=self.actor, **self.read_input())
        )

    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """End running terms; `valid_to` is the first day on which they do not hold."""
        terms = self.get_object()
        return self.respond(services.end_terms(terms, actor=self.actor, **self.read_input()))


class OwnTermsViewSet(ListRetrieveViewSet):
    """A driver's own terms."""

    queryset = Terms.objects.all()
    serializer_class = TermsSerializer
    permissions = {
        "list": "payments.accept_own_terms",
        "retrieve": "payments.accept_own_terms",
        "accept": "payments.accept_own_terms",
    }
    errors = {"accept": (TermsAccepted,)}

    def narrow_queryset(self, rows: QuerySet[Terms]) -> QuerySet[Terms]:
        return rows.filter(driver__user_id=self.actor.id or 0)

    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """Agree to the terms."""
        return self.respond(services.accept_terms(self.get_object(), actor=self.actor))


def terms_values(given: dict[str, Any], currency: str) -> dict[str, Any]:
    """Money fields as the service wants them. Raises CurrencyMismatch (400)."""
    values = dict(given)
    for name in ("rent", "deposit_target", "accident_excess"):
        money = values.pop(name, None)
        if money is None:
            continue
        if money.currency != currency:
            raise CurrencyMismatch(field=name, expected=currency)
        values[f"{name}_amount"] = money.amount
    return values
