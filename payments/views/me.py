"""A driver's own money: balance, statement, payments with every line."""

from django.db.models import F, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from drivers.errors import NoDriverRecord
from drivers.selectors import own_driver
from payments.models import OF_DRIVERS, Payment, Posting
from payments.serializers.batches import OwnPaymentDetailSerializer, OwnPaymentSerializer
from payments.serializers.payouts import BalanceSerializer, StatementLineSerializer
from payments.today import money_of
from voltop.api.views import OperationView
from voltop.api.viewsets import ListRetrieveViewSet, ListViewSet

OWN = "payments.view_own_payment"


class OwnBalanceView(OperationView):
    """What the company and the driver owe each other."""

    permissions = {"get": OWN}
    output_serializers = {"get": BalanceSerializer}
    errors = {"get": (NoDriverRecord,)}

    def get(self, request: Request) -> Response:
        """What is owed, what is a debt, what is under way to the bank."""
        return Response(BalanceSerializer(money_of(own_driver(self.actor))).data)


class OwnStatementViewSet(ListViewSet):
    """The running statement of the driver's account, newest first."""

    queryset = Posting.objects.select_related("entry")
    serializer_class = StatementLineSerializer
    ordering = ("-id",)
    permissions = {"list": OWN}

    def narrow_queryset(self, rows: QuerySet[Posting]) -> QuerySet[Posting]:
        own = rows.filter(account__driver__user_id=self.actor.id or 0, account__kind__in=OF_DRIVERS)
        return own.annotate(felt_amount=-F("amount"))


class OwnPaymentViewSet(ListRetrieveViewSet):
    """A driver's approved payments; one by one with every line."""

    queryset = Payment.objects.all()
    serializer_class = OwnPaymentSerializer
    output_serializers = {"retrieve": OwnPaymentDetailSerializer}
    ordering = ("-id",)
    permissions = {"list": OWN, "retrieve": OWN}

    def narrow_queryset(self, rows: QuerySet[Payment]) -> QuerySet[Payment]:
        own = rows.filter(driver__user_id=self.actor.id or 0, approved_at__isnull=False)
        return own.prefetch_related("lines") if self.action == "retrieve" else own
