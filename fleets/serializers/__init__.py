"""Shapes of fleets' API, by noun."""
