"""Celery's way into fleets' services."""

from celery import shared_task

from fleets.services import auth, deliveries, import_runs, imports, inbox, notices, sealing


@shared_task(name="fleets.forget_expired")
def forget_expired() -> None:
    """Delete credentials that open nothing any more."""
    auth.forget_expired()


@shared_task(name="fleets.seal_audit")
def seal_audit() -> None:
    """Add what was written to the audit trail to its chains."""
    sealing.seal()


@shared_task(name="fleets.verify_audit")
def verify_audit() -> None:
    """Verify the chains and put their heads into the log."""
    sealing.report_daily()


@shared_task(name="fleets.forget_deliveries")
def forget_deliveries() -> None:
    """Delete what was sent to webhooks a month ago."""
    deliveries.forget_old()


@shared_task(name="fleets.refresh_inbox")
def refresh_inbox() -> None:
    """Open and close items of the inbox for what only time has brought about."""
    inbox.refresh()


@shared_task(name="fleets.forget_inbox")
def forget_inbox() -> None:
    """Delete items of the inbox that were closed long ago."""
    inbox.forget_old()


@shared_task(name=imports.RUN_TASK)
def run_imports() -> None:
    """Take in rows of the files that were handed in."""
    import_runs.run_imports()


@shared_task(name=imports.FORGET_TASK)
def forget_import_files() -> None:
    """Empty the files of imports that ended a week ago."""
    imports.forget_files()


@shared_task(name="fleets.forget_notices")
def forget_notices() -> None:
    """Delete notices of more than a year ago."""
    notices.forget_old()
