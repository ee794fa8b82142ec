"""Writes of shifts, by noun: planning, working, ending, proposals, metrics, platform income."""

from shifts.services.claims import (
    break_as_claimed,
    end_as_claimed,
    resume_as_claimed,
    start_as_claimed,
)
from shifts.services.ending import (
    auto_close,
    confirm_shift,
    end_shift,
    reopen_shift,
    settle_shifts,
)
from shifts.services.metric_requests import request_metrics, request_metrics_of_vehicles
from shifts.services.metrics import compute_due, compute_metrics, work_off_requests
from shifts.services.planning import (
    cancel_shift,
    forget_driver,
    forget_vehicle,
    miss_shift,
    schedule_shift,
)
from shifts.services.platform_entries import EntryResult, EntryRow, attach_entries, post_entries
from shifts.services.platforms import (
    create_platform_account,
    give_platform_id,
    take_platform_id,
    update_platform_account,
)
from shifts.services.proposal_jobs import request_proposals, run_proposal_jobs
from shifts.services.proposals import (
    accept_proposal,
    accept_proposals,
    edit_proposal,
    propose_shifts,
    reject_proposal,
)
from shifts.services.review import mark_for_review
from shifts.services.sweeps import auto_close_due, miss_due
from shifts.services.working import change_vehicle, resume, start_shift, take_break

__all__ = [
    "EntryResult",
    "EntryRow",
    "accept_proposal",
    "accept_proposals",
    "attach_entries",
    "auto_close",
    "auto_close_due",
    "break_as_claimed",
    "cancel_shift",
    "change_vehicle",
    "compute_due",
    "compute_metrics",
    "confirm_shift",
    "create_platform_account",
    "edit_proposal",
    "end_as_claimed",
    "end_shift",
    "forget_driver",
    "forget_vehicle",
    "give_platform_id",
    "mark_for_review",
    "miss_due",
    "miss_shift",
    "post_entries",
    "propose_shifts",
    "reject_proposal",
    "reopen_shift",
    "request_metrics",
    "request_metrics_of_vehicles",
    "request_proposals",
    "resume",
    "resume_as_claimed",
    "run_proposal_jobs",
    "schedule_shift",
    "settle_shifts",
    "start_as_claimed",
    "start_shift",
    "take_break",
    "take_platform_id",
    "update_platform_account",
    "work_off_requests",
]
