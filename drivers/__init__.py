"""Drivers: their records, engagements and payout accounts."""
