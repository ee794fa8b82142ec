"""Writes of drivers, by noun: drivers, engagements, papers, payout accounts."""

from drivers.services.calendar import follow_calendars
from drivers.services.documents import (
    activate_when_complete,
    approve_document,
    correct_document,
    hand_in_document,
    keep_file,
    number_of,
    open_file,
    reject_document,
    require_papers,
)
from drivers.services.drivers import (
    activate_driver,
    invite_driver,
    invite_driver_again,
    leave_driver,
    onboard_driver,
    open_matters,
    reinstate_driver,
    require_active,
    suspend_driver,
    terminate_driver,
    update_driver,
)
from drivers.services.engagements import end_engagement, may_end, start_engagement
from drivers.services.erasure import erase_driver
from drivers.services.payout_accounts import account_details, set_payout_account

__all__ = [
    "account_details",
    "activate_driver",
    "activate_when_complete",
    "approve_document",
    "correct_document",
    "end_engagement",
    "erase_driver",
    "follow_calendars",
    "hand_in_document",
    "invite_driver",
    "invite_driver_again",
    "keep_file",
    "leave_driver",
    "may_end",
    "number_of",
    "onboard_driver",
    "open_file",
    "open_matters",
    "reinstate_driver",
    "reject_document",
    "require_active",
    "require_papers",
    "set_payout_account",
    "start_engagement",
    "suspend_driver",
    "terminate_driver",
    "update_driver",
]
