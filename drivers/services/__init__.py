"""Writes of drivers, by noun: drivers, engagements, payout accounts."""

from drivers.services.drivers import (
    activate_driver,
    invite_driver,
    invite_driver_again,
    leave_driver,
    onboard_driver,
    reinstate_driver,
    require_active,
    suspend_driver,
    terminate_driver,
    update_driver,
)
from drivers.services.engagements import end_engagement, may_end, start_engagement
from drivers.services.payout_accounts import account_details, set_payout_account

__all__ = [
    "account_details",
    "activate_driver",
    "end_engagement",
    "invite_driver",
    "invite_driver_again",
    "leave_driver",
    "may_end",
    "onboard_driver",
    "reinstate_driver",
    "require_active",
    "set_payout_account",
    "start_engagement",
    "suspend_driver",
    "terminate_driver",
    "update_driver",
]
