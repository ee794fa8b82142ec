"""The kernel's Celery tasks: thin rings that call one function each."""

from celery import shared_task

from voltop import outbox
from voltop.api import idempotency


@shared_task(name=outbox.RELAY_TASK)
def relay_outbox() -> None:
    outbox.relay()


@shared_task(name="voltop.api.forget_keys")
def forget_idempotency_keys() -> None:
    idempotency.forget_old_keys()
