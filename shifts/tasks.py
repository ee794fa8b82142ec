"""Background work of shifts: each task calls one service."""

from celery import shared_task

from shifts import services


@shared_task(name="shifts.compute_due_metrics")
def compute_due_metrics() -> None:
    """Compute the metrics that were asked for, a few shifts at a time."""
    services.work_off_requests()


@shared_task(name="shifts.miss_due")
def miss_due() -> None:
    """Planned shifts that nobody came to become missed."""
    services.miss_due()


@shared_task(name="shifts.auto_close_due")
def auto_close_due() -> None:
    """Shifts that nobody ended are closed."""
    services.auto_close_due()


@shared_task(name="shifts.run_proposal_jobs")
def run_proposal_jobs() -> None:
    """Work on proposals that were asked for."""
    services.run_proposal_jobs()
