"""Payments in the admin, by noun. Money is read; services move it, as list actions."""

from payments.admin import batches, ledger, payouts, plans

__all__ = ["batches", "ledger", "payouts", "plans"]
