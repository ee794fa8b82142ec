"""Accounts to pay from, payouts, the bank's book."""

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets.errors import FreshSecondFactorRequired
from fleets.selectors import active_provider
from payments import services
from payments.errors import CurrencyMismatch, FourEyes, NameTaken, NoPayoutAccount
from payments.filters import FundingAccountFilter, MovementFilter, PayoutFilter
from payments.models import BankMovement, FundingAccount, Payout
from payments.serializers.payouts import (
    AvailableSerializer,
    FundingAccountInputSerializer,
    FundingAccountSerializer,
    MovementSerializer,
    PayoutSerializer,
)
from voltop.api.jobs import JobSerializer
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet
from voltop.errors import IllegalMove
from voltop.http import UrlNotAllowed


class FundingAccountViewSet(ListRetrieveViewSet):
    """Accounts that the company pays from; a second person activates them."""

    queryset = FundingAccount.objects.all()
    serializer_class = FundingAccountSerializer
    output_serializers = {"reconcile": JobSerializer}
    filterset_class = FundingAccountFilter
    permissions = {
        "list": "payments.view_fundingaccount",
        "retrieve": "payments.view_fundingaccount",
        "create": "payments.add_fundingaccount",
        "activate": "payments.activate_fundingaccount",
        "retire": "payments.change_fundingaccount",
        "available": "payments.change_fundingaccount",
        "reconcile": "payments.change_fundingaccount",
    }
    input_serializers = {
        "create": FundingAccountInputSerializer,
        "activate": ReasonSerializer,
        "retire": ReasonSerializer,
        "available": AvailableSerializer,
    }
    statuses = {"reconcile": 202}
    errors = {
        "create": (UrlNotAllowed, NameTaken),
        "activate": (FreshSecondFactorRequired, FourEyes, IllegalMove),
        "retire": (IllegalMove,),
        "available": (CurrencyMismatch,),
    }

    def create(self, request: Request) -> Response:
        """Propose an account to pay from."""
        provider = active_provider(self.actor)
        account = services.propose_funding_account(provider, actor=self.actor, **self.read_input())
        return self.respond(account, status=201)

    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Proposed → active, by somebody else than who proposed it."""
        account, reason = self.get_object(), self.read_input().get("reason", "")
        return self.respond(
            services.activate_funding_account(account, actor=self.actor, reason=reason)
        )

    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Pay nothing more from it."""
        account, reason = self.get_object(), self.read_input().get("reason", "")
        return self.respond(
            services.retire_funding_account(account, actor=self.actor, reason=reason)
        )

    @action(detail=True, methods=["post"])
    def available(self, request: Request, pk: str) -> Response:
        """Note what the account held at an instant: approvals above it are refused."""
        account, values = self.get_object(), self.read_input()
        told = services.tell_available(
            account,
            actor=self.actor,
            amount=values["available"].amount,
            currency=values["available"].currency,
            known_at=values["known_at"],
        )
        return self.respond(told)

    @action(detail=True, methods=["post"])
    def reconcile(self, request: Request, pk: str) -> Response:
        """Read the bank's book to its end; the job's result counts what matches."""
        job = services.request_reconciliation(self.get_object(), actor=self.actor)
        return Response(JobSerializer(job).data, status=202)


class PayoutViewSet(ListRetrieveViewSet):
    """Payouts: what was handed to a bank, and what the bank said."""

    queryset = Payout.objects.select_related("payment")
    serializer_class = PayoutSerializer
    filterset_class = PayoutFilter
    idempotency = "required"
    permissions = {
        "list": "payments.view_payout",
        "retrieve": "payments.view_payout",
        "release": "payments.change_payout",
    }
    input_serializers = {"release": ReasonSerializer}
    errors = {"release": (NoPayoutAccount, IllegalMove)}

    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """Send a held payout, once the driver has an account for it."""
        payout, reason = self.get_object(), self.read_input().get("reason", "")
        return self.respond(services.release_payout(payout, actor=self.actor, reason=reason))


class MovementViewSet(ListRetrieveViewSet):
    """Lines of the bank's book, and what they match."""

    queryset = BankMovement.objects.all()
    serializer_class = MovementSerializer
    filterset_class = MovementFilter
    permissions = {"list": "payments.view_bankmovement", "retrieve": "payments.view_bankmovement"}
