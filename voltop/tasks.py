"""The kernel's Celery tasks: thin rings that call one function each."""

from celery import shared_task

from voltop import events, files, lanes, outbox, runs
from voltop.api import idempotency
from voltop.files.store import MOVE_TASK


@shared_task(name=outbox.RELAY_TASK)
def relay_outbox() -> None:
    outbox.relay()


@shared_task(name=outbox.LANES_TASK)
def relay_lanes() -> None:
    lanes.relay()


@shared_task(name="voltop.api.forget_keys")
def forget_idempotency_keys() -> None:
    idempotency.forget_old_keys()


@shared_task(name=events.PUBLISH_TASK)
def send_pending_events() -> None:
    events.send_pending()


@shared_task(name="voltop.events.forget_old")
def forget_old_events() -> None:
    events.forget_old()


@shared_task(name=runs.RECOVER_TASK)
def recover_runs() -> None:
    runs.recover()


@shared_task(name="voltop.tidy_runs")
def tidy_runs() -> None:
    runs.tidy()


@shared_task(name=MOVE_TASK)
def move_files() -> None:
    files.move_kept()
