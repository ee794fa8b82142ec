"""Writes of payments, by noun."""

from payments.services.adjustments import (
    approve_adjustment,
    reject_adjustment,
    request_adjustment,
    request_series,
    require_same_adjustment,
)
from payments.services.approval import approve_batch
from payments.services.batches import (
    calculate_batch,
    cancel_batch,
    close_batch,
    drop_payment,
    hold_payment,
    open_batch,
    release_payment,
)
from payments.services.funding import (
    activate_funding_account,
    propose_funding_account,
    retire_funding_account,
    tell_available,
)
from payments.services.handover import pay_batch, reissue_payment, release_payout
from payments.services.plans import (
    create_pay_group,
    create_pay_plan,
    retire_pay_group,
    retire_pay_plan,
    revise_pay_plan,
)
from payments.services.reconciliation import request_reconciliation
from payments.services.terms import (
    accept_terms,
    end_terms,
    offer_signed_terms,
    offer_terms,
    record_acceptance,
)

__all__ = [
    "accept_terms",
    "activate_funding_account",
    "approve_adjustment",
    "approve_batch",
    "calculate_batch",
    "cancel_batch",
    "close_batch",
    "create_pay_group",
    "create_pay_plan",
    "drop_payment",
    "end_terms",
    "hold_payment",
    "offer_signed_terms",
    "offer_terms",
    "open_batch",
    "pay_batch",
    "propose_funding_account",
    "record_acceptance",
    "reissue_payment",
    "reject_adjustment",
    "release_payment",
    "release_payout",
    "request_adjustment",
    "request_reconciliation",
    "request_series",
    "require_same_adjustment",
    "retire_funding_account",
    "retire_pay_group",
    "retire_pay_plan",
    "revise_pay_plan",
    "tell_available",
]
