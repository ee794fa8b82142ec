"""Scheduled work of reservations; truth is in PostgreSQL, these only ring."""

from celery import shared_task

from reservations import services


@shared_task(name="reservations.release_no_shows")
def release_no_shows() -> None:
    """Free what nobody came for."""
    services.release_no_shows()
