"""The ledger: accounts with their balances, entries with their postings, the trial balance."""

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from fleets.selectors import active_provider
from payments import selectors
from payments.filters import AccountFilter, EntryFilter
from payments.models import Account, Entry
from payments.serializers.payouts import (
    AccountSerializer,
    EntrySerializer,
    TrialBalanceSerializer,
)
from voltop.api.fields import Money
from voltop.api.views import OperationView
from voltop.api.viewsets import ListRetrieveViewSet

READ = "payments.view_ledger"


class AccountViewSet(ListRetrieveViewSet):
    """Accounts of the ledger."""

    queryset = Account.objects.all()
    serializer_class = AccountSerializer
    filterset_class = AccountFilter
    permissions = {"list": READ, "retrieve": READ}

    def narrow_queryset(self, rows: QuerySet[Account]) -> QuerySet[Account]:
        return selectors.with_balances(rows)


class EntryViewSet(ListRetrieveViewSet):
    """Entries: one business event each, never changed."""

    queryset = Entry.objects.prefetch_related("postings")
    serializer_class = EntrySerializer
    filterset_class = EntryFilter
    permissions = {"list": READ, "retrieve": READ}


class TrialBalanceView(OperationView):
    """The sum of each kind of account, and of all."""

    permissions = {"get": READ}
    output_serializers = {"get": TrialBalanceSerializer}

    def get(self, request: Request) -> Response:
        """Every kind of account with its balance; all together come to zero."""
        found = selectors.trial_balance(active_provider(self.actor))
        rows = [
            {
                "kind": row.kind,
                "accounts": row.accounts,
                "balance": Money(row.balance_amount, row.currency),
            }
            for row in found.rows
        ]
        total = Money(found.sum_amount, found.currency)
        shown = {"rows": rows, "entries": found.entries, "sum": total}
        return Response(TrialBalanceSerializer(shown).data)
