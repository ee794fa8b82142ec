"""The API of fleets, by noun."""
