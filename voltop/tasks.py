"""The kernel's Celery tasks: thin rings that call one function each."""

from celery import shared_task

from voltop import outbox


@shared_task(name=outbox.RELAY_TASK)
def relay_outbox() -> None:
    outbox.relay()
