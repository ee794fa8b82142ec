"""The API of reservations, by noun."""
