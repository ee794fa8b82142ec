"""What each role may do with money: prepared by one, approved by another."""

from collections.abc import Mapping

_READ = (
    "view_paygroup",
    "view_payplan",
    "view_payplanversion",
    "view_paycomponent",
    "view_terms",
    "view_adjustment",
    "view_adjustmentevent",
    "view_adjustmentseries",
    "view_paymentbatch",
    "view_paymentbatchevent",
    "view_payment",
    "view_paymentevent",
    "view_paymentline",
    "view_payout",
    "view_payoutevent",
    "view_fundingaccount",
    "view_fundingaccountevent",
)
_BOOKS = (
    "view_ledger",
    "view_account",
    "view_entry",
    "view_posting",
    "view_bankmovement",
    "view_paymentevidence",
    "view_paymentclaim",
)
_PLAN = (
    "add_paygroup",
    "change_paygroup",
    "add_payplan",
    "change_payplan",
    "add_terms",
    "change_terms",
    "record_acceptance",
    "add_adjustment",
    "approve_adjustment",
)
_PREPARE = (
    "add_paymentbatch",
    "calculate_paymentbatch",
    "change_payment",
    "pay_paymentbatch",
    "change_payout",
    "add_fundingaccount",
    "change_fundingaccount",
)

ROLE_PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "owner": (
        *_READ,
        *_BOOKS,
        *_PLAN,
        *_PREPARE,
        "approve_paymentbatch",
        "activate_fundingaccount",
    ),
    "manager": (*_READ, *_BOOKS, *_PLAN, "approve_paymentbatch", "activate_fundingaccount"),
    "accountant": (*_READ, *_BOOKS, *_PLAN, *_PREPARE),
    "dispatcher": ("view_adjustment", "add_adjustment"),
    "support": ("view_adjustment", "add_adjustment", "view_payment", "view_paymentline"),
    "viewer": (),
    "driver": ("view_own_payment", "accept_own_terms"),
}

API_SCOPES: Mapping[str, tuple[str, ...]] = {
    "payments:read": (*_READ, "view_ledger"),
    "payments:write": (
        "add_paygroup",
        "change_paygroup",
        "add_payplan",
        "change_payplan",
        "add_terms",
        "change_terms",
        "add_adjustment",
        "add_paymentbatch",
        "calculate_paymentbatch",
    ),
}
"""Machines prepare; they approve nothing and hand nothing over."""


def of_payments() -> Mapping[str, tuple[str, ...]]:
    return ROLE_PERMISSIONS


def scopes_of_payments() -> Mapping[str, tuple[str, ...]]:
    return API_SCOPES


WHILE_SUSPENDED: Mapping[str, tuple[str, ...]] = {
    "kept": (
        "accept_own_terms",
        "record_acceptance",
        "change_terms",
        "add_adjustment",
        "approve_adjustment",
        "add_paymentbatch",
        "calculate_paymentbatch",
        "change_payment",
        "pay_paymentbatch",
        "change_payout",
        "change_fundingaccount",
        "approve_paymentbatch",
        "activate_fundingaccount",
        "add_fundingaccount",
    ),
    "hidden": (),
}
"""Everybody is paid; no new plan and no new terms."""


def while_suspended() -> Mapping[str, tuple[str, ...]]:
    return WHILE_SUSPENDED
