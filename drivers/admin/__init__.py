"""Drivers in the admin, by noun."""

from drivers.admin import faces, papers, records

__all__ = ["faces", "papers", "records"]
