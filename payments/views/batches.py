"""Payment batches, payments and their lines."""

from collections.abc import Callable

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets.errors import FreshSecondFactorRequired
from payments import services
from payments.errors import (
    BatchOverlap,
    CalculationOutdated,
    CalculationRunning,
    FourEyes,
    FundingAccountNotActive,
    FundingShort,
    InvalidPeriod,
    NoFundingAccount,
    NothingToApprove,
    NotPosted,
    PayGroupRetired,
    PeriodNotOver,
    PersonRequired,
    UnsettledPayments,
)
from payments.filters import BatchFilter, LineFilter, PaymentFilter
from payments.models import Payment, PaymentBatch, PaymentBatchEvent, PaymentLine
from payments.serializers.batches import (
    BatchEventSerializer,
    BatchInputSerializer,
    BatchSerializer,
    FundedMoveSerializer,
    LineSerializer,
    PaymentDetailSerializer,
    PaymentSerializer,
)
from payments.serializers.payouts import PayoutSerializer
from voltop.api.jobs import JobSerializer
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet, ListViewSet
from voltop.errors import IllegalMove, NotFound, ReasonRequired
from voltop.jobs import Job


class BatchViewSet(ListRetrieveViewSet):
    """Payment batches: opened, calculated, reviewed, approved by a second person, paid.

    Calculating, approving and paying answer 202 with the job that does the work.
    """

    queryset = PaymentBatch.objects.all()
    serializer_class = BatchSerializer
    output_serializers = {
        "calculate": JobSerializer,
        "approve": JobSerializer,
        "pay": JobSerializer,
    }
    filterset_class = BatchFilter
    ordering_fields = ("id", "period_starts_on", "updated_at")
    idempotency = "required"
    permissions = {
        "list": "payments.view_paymentbatch",
        "retrieve": "payments.view_paymentbatch",
        "create": "payments.add_paymentbatch",
        "calculate": "payments.calculate_paymentbatch",
        "approve": "payments.approve_paymentbatch",
        "pay": "payments.pay_paymentbatch",
        "cancel": "payments.calculate_paymentbatch",
        "close": "payments.calculate_paymentbatch",
    }
    input_serializers = {
        "create": BatchInputSerializer,
        "approve": FundedMoveSerializer,
        "pay": FundedMoveSerializer,
        "cancel": ReasonSerializer,
        "close": ReasonSerializer,
    }
    statuses = {"calculate": 202, "approve": 202, "pay": 202}
    errors = {
        "create": (InvalidPeriod, PayGroupRetired, BatchOverlap),
        "calculate": (PeriodNotOver, IllegalMove),
        "approve": (
            PersonRequired,
            FreshSecondFactorRequired,
            FourEyes,
            NothingToApprove,
            CalculationOutdated,
            FundingAccountNotActive,
            FundingShort,
            IllegalMove,
        ),
        "pay": (NotPosted, NoFundingAccount, FundingAccountNotActive, IllegalMove),
        "cancel": (ReasonRequired, CalculationRunning, IllegalMove),
        "close": (UnsettledPayments, IllegalMove),
    }

    def create(self, request: Request) -> Response:
        """Open a batch for a period of a pay group."""
        return self.respond(services.open_batch(actor=self.actor, **self.read_input()), status=201)

    @action(detail=True, methods=["post"])
    def calculate(self, request: Request, pk: str) -> Response:
        """Calculate, for the first time or again."""
        return self._work(services.calculate_batch)

    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Approve the ready payments, as a second person; they are booked right after."""
        return self._work(services.approve_batch)

    @action(detail=True, methods=["post"])
    def pay(self, request: Request, pk: str) -> Response:
        """Hand the approved payments over to the bank."""
        return self._work(services.pay_batch)

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Draft or in review → cancelled; all it claimed is free again."""
        batch, reason = self.get_object(), self.read_input().get("reason", "")
        return self.respond(services.cancel_batch(batch, actor=self.actor, reason=reason))

    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Paid → closed."""
        batch, reason = self.get_object(), self.read_input().get("reason", "")
        return self.respond(services.close_batch(batch, actor=self.actor, reason=reason))

    def _work(self, service: Callable[..., PaymentBatch]) -> Response:
        """Do the move, and answer with the job that does the rest."""
        batch = service(self.get_object(), actor=self.actor, **self.read_input())
        job = Job.objects.get(pk=batch.job_id or 0)
        return Response(JobSerializer(job).data, status=202)


class BatchEventViewSet(ListViewSet):
    """The timeline of one batch, oldest first."""

    queryset = PaymentBatchEvent.objects.all()
    serializer_class = BatchEventSerializer
    permissions = {"list": "payments.view_paymentbatchevent"}

    def narrow_queryset(self, rows: QuerySet[PaymentBatchEvent]) -> QuerySet[PaymentBatchEvent]:
        batches = PaymentBatch.objects.for_provider(self.actor.provider_id)
        if not batches.filter(pk=self.kwargs["batch_pk"]).exists():
            raise NotFound()
        return rows.filter(batch_id=self.kwargs["batch_pk"])


class PaymentViewSet(ListRetrieveViewSet):
    """What each driver gets in each batch; one by one with its lines."""

    queryset = Payment.objects.all()
    serializer_class = PaymentSerializer
    output_serializers = {"retrieve": PaymentDetailSerializer, "reissue": PayoutSerializer}
    filterset_class = PaymentFilter
    ordering_fields = ("id", "payable_amount", "updated_at")
    idempotency = "required"
    permissions = {
        "list": "payments.view_payment",
        "retrieve": "payments.view_payment",
        "hold": "payments.change_payment",
        "release": "payments.change_payment",
        "drop": "payments.change_payment",
        "reissue": "payments.pay_paymentbatch",
    }
    input_serializers = {
        "hold": ReasonSerializer,
        "release": ReasonSerializer,
        "drop": ReasonSerializer,
        "reissue": ReasonSerializer,
    }
    statuses = {"reissue": 201}
    errors = {
        "hold": (ReasonRequired, IllegalMove),
        "release": (IllegalMove,),
        "drop": (ReasonRequired, IllegalMove),
        "reissue": (IllegalMove,),
    }

    def narrow_queryset(self, rows: QuerySet[Payment]) -> QuerySet[Payment]:
        return rows.prefetch_related("lines") if self.action == "retrieve" else rows

    @action(detail=True, methods=["post"])
    def hold(self, request: Request, pk: str) -> Response:
        """Leave a payment out of the approval, with a reason."""
        return self._move(services.hold_payment)

    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """Held → ready, while the batch is in review."""
        return self._move(services.release_payment)

    @action(detail=True, methods=["post"])
    def drop(self, request: Request, pk: str) -> Response:
        """Held → cancelled; what it claimed goes to the next batch."""
        return self._move(services.drop_payment)

    @action(detail=True, methods=["post"])
    def reissue(self, request: Request, pk: str) -> Response:
        """A new payout for a payment that the bank refused or returned."""
        payment, reason = self.get_object(), self.read_input().get("reason", "")
        payout = services.reissue_payment(payment, actor=self.actor, reason=reason)
        return self.respond(payout, status=201)

    def _move(self, service: Callable[..., Payment]) -> Response:
        payment, reason = self.get_object(), self.read_input().get("reason", "")
        return self.respond(service(payment, actor=self.actor, reason=reason))


class LineViewSet(ListRetrieveViewSet):
    """Lines of payslips, for reports and disputes."""

    queryset = PaymentLine.objects.all()
    serializer_class = LineSerializer
    filterset_class = LineFilter
    permissions = {"list": "payments.view_paymentline", "retrieve": "payments.view_paymentline"}
