"""Shapes of payments' API, by noun: plans and terms, adjustments, batches, payouts, the ledger."""
