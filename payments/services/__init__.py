"""Writes of payments, by noun."""
