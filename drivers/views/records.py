"""The API of drivers: each action checks the function, finds the row and calls one service."""

from functools import partial
from typing import Any

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from drivers import errors, services
from drivers.filters import DriverFilter, EngagementFilter, PayoutAccountFilter
from drivers.models import Driver, DriverEvent, Engagement, PayoutAccount
from drivers.serializers import (
    DriverEventSerializer,
    DriverInviteSerializer,
    DriverSerializer,
    DriverUpdateSerializer,
    EngagementEndSerializer,
    EngagementSerializer,
    EngagementStartSerializer,
    PayoutAccountSerializer,
    PayoutAccountSetSerializer,
    TerminateSerializer,
)
from fleets.errors import (
    FreshSecondFactorRequired,
    LimitReached,
    ProviderNotActive,
    TooManyAttempts,
)
from fleets.records import RecordViewSet
from fleets.selectors import active_provider
from voltop.api.bulk import BulkViewSet, IdAnswersSerializer, IdsSerializer, Outcome, answer_ids
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet, ListViewSet
from voltop.errors import IllegalMove, NotFound, PermissionDenied, ReasonRequired

PERSON = (
    errors.InvalidPhone,
    errors.InvalidBirthDate,
    errors.EmployeeNumberTaken,
    errors.LoginRequired,
    errors.DriverExists,
)
MOVE = (ReasonRequired, IllegalMove)
OVERRIDE = "drivers.override_settlement"


class DriverViewSet(RecordViewSet):
    """Drivers of the active provider, and the moves of their state."""

    record = "drivers"
    queryset = Driver.objects.all()
    serializer_class = DriverSerializer
    filterset_class = DriverFilter
    search_fields = ("given_name", "family_name", "employee_number", "phone", "email")
    ordering_fields = ("id", "family_name", "hired_on", "updated_at")
    permissions = {
        "list": "drivers.view_driver",
        "retrieve": "drivers.view_driver",
        "create": "drivers.add_driver",
        "partial_update": "drivers.change_driver",
        "onboard": "drivers.change_driver",
        "activate": "drivers.change_driver",
        "suspend": "drivers.change_driver",
        "reinstate": "drivers.change_driver",
        "leave": "drivers.change_driver",
        "terminate": "drivers.terminate_driver",
        "bulk_onboard": "drivers.change_driver",
        "bulk_activate": "drivers.change_driver",
        "invite_again": "drivers.add_driver",
    }
    statuses = {"invite_again": 202}
    errors = {
        "create": (*PERSON, ProviderNotActive, LimitReached),
        "partial_update": PERSON,
        "onboard": (IllegalMove,),
        "activate": (IllegalMove,),
        "suspend": MOVE,
        "reinstate": MOVE,
        "leave": MOVE,
        "terminate": (*MOVE, errors.DriverBlocked),
        "invite_again": (TooManyAttempts, IllegalMove),
    }
    input_serializers = {
        "create": DriverInviteSerializer,
        "partial_update": DriverUpdateSerializer,
        "onboard": ReasonSerializer,
        "activate": ReasonSerializer,
        "suspend": ReasonSerializer,
        "reinstate": ReasonSerializer,
        "leave": ReasonSerializer,
        "terminate": TerminateSerializer,
        "bulk_onboard": IdsSerializer,
        "bulk_activate": IdsSerializer,
    }
    output_serializers = {
        "bulk_onboard": IdAnswersSerializer,
        "bulk_activate": IdAnswersSerializer,
    }

    def create(self, request: Request) -> Response:
        """Invite a driver."""
        provider = active_provider(self.actor)
        driver = services.invite_driver(provider, actor=self.actor, **self.read_input())
        return self.respond(driver, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a driver's record."""
        driver = self.get_object()
        return self.respond(services.update_driver(driver, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["post"])
    def onboard(self, request: Request, pk: str) -> Response:
        """Invited → onboarding."""
        return self._move(services.onboard_driver)

    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Onboarding → active."""
        return self._move(services.activate_driver)

    @action(detail=True, methods=["post"])
    def suspend(self, request: Request, pk: str) -> Response:
        """Active → suspended; needs a reason."""
        return self._move(services.suspend_driver)

    @action(detail=True, methods=["post"])
    def reinstate(self, request: Request, pk: str) -> Response:
        """Suspended or leaving → active; needs a reason."""
        return self._move(services.reinstate_driver)

    @action(detail=True, methods=["post"])
    def leave(self, request: Request, pk: str) -> Response:
        """Active or suspended → leaving; needs a reason."""
        return self._move(services.leave_driver)

    @action(detail=True, methods=["post"])
    def terminate(self, request: Request, pk: str) -> Response:
        """Invited, onboarding or leaving → terminated, for good; needs a reason.

        What is still open with the driver is a 409. Of that, money matters may be set aside by
        whoever has the right to, with an `override_reason`.
        """
        driver, values = self.get_object(), self.read_input()
        if values.get("override_reason") and not request.user.has_perm(OVERRIDE):
            raise PermissionDenied(permission=OVERRIDE)
        return self.respond(
            services.terminate_driver(
                driver,
                actor=self.actor,
                reason=values.get("reason", ""),
                override_reason=values.get("override_reason", ""),
            )
        )

    @action(detail=False, methods=["post"], url_path="bulk-onboard")
    def bulk_onboard(self, request: Request) -> Response:
        """Invited → onboarding for up to 1,000 drivers, each for itself."""
        return self._move_many(services.onboard_driver)

    @action(detail=False, methods=["post"], url_path="bulk-activate")
    def bulk_activate(self, request: Request) -> Response:
        """Onboarding → active for up to 1,000 drivers, each for itself."""
        return self._move_many(services.activate_driver)

    def _move_many(self, service: Any) -> Response:
        values, actor = self.read_input(), self.actor
        reason, found = values.get("reason", ""), self.get_queryset().in_bulk(values["ids"])
        move = partial(service, actor=actor, reason=reason)
        return Response(answer_ids(values["ids"], found, move))

    @action(detail=True, methods=["post"], url_path="invite-again")
    def invite_again(self, request: Request, pk: str) -> Response:
        """Send the driver another invitation; the one before ends. Three an hour at most."""
        driver = self.get_object()
        self.read_input()
        return self.respond(services.invite_driver_again(driver, actor=self.actor), status=202)

    def _move(self, service: Any) -> Response:
        driver = self.get_object()
        reason = self.read_input().get("reason", "")
        return self.respond(service(driver, actor=self.actor, reason=reason))


class DriverEventViewSet(ListViewSet):
    """The timeline of one driver's state, oldest first."""

    queryset = DriverEvent.objects.all()
    serializer_class = DriverEventSerializer
    permissions = {"list": "drivers.view_driverevent"}

    def narrow_queryset(self, rows: QuerySet[DriverEvent]) -> QuerySet[DriverEvent]:
        driver = Driver.objects.for_provider(self.actor.provider_id).filter(
            pk=self.kwargs["driver_pk"]
        )
        if not driver.exists():
            raise NotFound()
        return rows.filter(driver_id=self.kwargs["driver_pk"])


class EngagementViewSet(ListRetrieveViewSet):
    """What drivers are to the company in law, over time."""

    queryset = Engagement.objects.all()
    serializer_class = EngagementSerializer
    filterset_class = EngagementFilter
    permissions = {
        "list": "drivers.view_engagement",
        "retrieve": "drivers.view_engagement",
        "create": "drivers.add_engagement",
        "end": "drivers.change_engagement",
    }
    input_serializers = {"create": EngagementStartSerializer, "end": EngagementEndSerializer}
    errors = {
        "create": (errors.InvalidEngagementPeriod, errors.EngagementOverlap),
        "end": (errors.InvalidEngagementPeriod, errors.EngagementEnded),
    }

    def create(self, request: Request) -> Response:
        """Start an engagement."""
        engagement = services.start_engagement(actor=self.actor, **self.read_input())
        return self.respond(engagement, status=201)

    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """End a running engagement; `ends_on` is the first day on which it no longer holds."""
        engagement = self.get_object()
        return self.respond(
            services.end_engagement(engagement, actor=self.actor, **self.read_input())
        )


class PayoutAccountViewSet(BulkViewSet):
    """Where drivers' money goes. A new account retires the one before."""

    queryset = PayoutAccount.objects.all()
    serializer_class = PayoutAccountSerializer
    filterset_class = PayoutAccountFilter
    permissions = {
        "list": "drivers.view_payoutaccount",
        "retrieve": "drivers.view_payoutaccount",
        "create": "drivers.add_payoutaccount",
    }
    input_serializers = {"create": PayoutAccountSetSerializer}
    errors = {
        "create": (
            errors.InvalidPayoutAccount,
            errors.InvalidPhone,
            errors.PayoutAccountUnchanged,
            FreshSecondFactorRequired,
        )
    }

    def create(self, request: Request) -> Response:
        """Set a driver's account; every change but the first holds payouts for 24 hours."""
        account = services.set_payout_account(actor=self.actor, **self.read_input())
        return self.respond(account, status=201)

    def take_row(self, values: dict[str, Any]) -> tuple[int, Outcome]:
        return services.set_payout_account(actor=self.actor, **values).pk, "created"
