"""Celery's way into fleets' services."""

from celery import shared_task

from fleets.services import auth


@shared_task(name="fleets.forget_expired")
def forget_expired() -> None:
    """Delete credentials that open nothing any more."""
    auth.forget_expired()
