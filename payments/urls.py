"""API addresses of payments, below /api/v1/."""

from django.urls import re_path

from payments.views import adjustments, batches, ledger, me, payouts, plans
from voltop.api.routers import Router

router = Router()
router.register("pay-groups", plans.PayGroupViewSet, basename="pay-groups")
router.register("pay-plans", plans.PayPlanViewSet, basename="pay-plans")
router.register("terms", plans.TermsViewSet, basename="terms")
router.register("adjustments", adjustments.AdjustmentViewSet, basename="adjustments")
router.register("payment-batches", batches.BatchViewSet, basename="payment-batches")
router.register(
    r"payment-batches/(?P<batch_pk>[0-9]{1,18})/events",
    batches.BatchEventViewSet,
    basename="payment-batch-events",
)
router.register("payments", batches.PaymentViewSet, basename="payments")
router.register("payment-lines", batches.LineViewSet, basename="payment-lines")
router.register("funding-accounts", payouts.FundingAccountViewSet, basename="funding-accounts")
router.register("payouts", payouts.PayoutViewSet, basename="payouts")
router.register("bank-movements", payouts.MovementViewSet, basename="bank-movements")
router.register("ledger/accounts", ledger.AccountViewSet, basename="ledger-accounts")
router.register("ledger/entries", ledger.EntryViewSet, basename="ledger-entries")
router.register("me/terms", plans.OwnTermsViewSet, basename="me-terms")
router.register("me/payments", me.OwnPaymentViewSet, basename="me-payments")
router.register("me/statement", me.OwnStatementViewSet, basename="me-statement")

urlpatterns = [
    *router.urls,
    re_path(r"^me/balance/?$", me.OwnBalanceView.as_view(), name="me-balance"),
    re_path(
        r"^ledger/trial-balance/?$", ledger.TrialBalanceView.as_view(), name="ledger-trial-balance"
    ),
]
