"""Drivers in the admin, by noun."""

from drivers.admin import papers, records

__all__ = ["papers", "records"]
