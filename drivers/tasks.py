"""Background work of drivers: each task calls one service."""

from celery import shared_task

from drivers import services


@shared_task(name="drivers.follow_calendars")
def follow_calendars() -> None:
    """Papers run out, and are reminded of, as each company's new day begins."""
    services.follow_calendars()


@shared_task(name="drivers.erase_due")
def erase_due() -> None:
    """People who left longer ago than their company keeps them are erased."""
    services.erase_due()


@shared_task(name="drivers.forget_faces")
def forget_faces() -> None:
    """Templates of people who left thirty days ago are deleted."""
    services.forget_faces()
