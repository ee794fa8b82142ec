"""The API of payments by noun: plans, terms, adjustments, batches, payouts, ledger, one's own."""
