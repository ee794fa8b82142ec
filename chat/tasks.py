"""Background work of chat: each task calls one service."""

from celery import shared_task

from chat import services


@shared_task(name="chat.run_timers")
def run_timers() -> None:
    """Warn of answers that are due, call for those that are late, end what fell silent."""
    services.run_timers()


@shared_task(name="chat.page_due")
def page_due() -> None:
    """Page the next person where a driver called for help and nobody has acknowledged."""
    services.page_due()


@shared_task(name="chat.send_announcements")
def send_announcements() -> None:
    """Write to the drivers whom a message to many goes to."""
    services.send_announcements()


@shared_task(name="chat.forget_conversations")
def forget_conversations() -> None:
    """Delete conversations that ended longer ago than their company keeps them."""
    services.forget_conversations()


@shared_task(name="chat.forget_unsent")
def forget_unsent() -> None:
    """Drop files that were handed in and never sent."""
    services.forget_unsent()
