"""Charging places, bookings and sessions."""
