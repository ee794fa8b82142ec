"""Writes of drivers, by noun: drivers, engagements, papers, faces, payout accounts."""

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
    join_driver,
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
from drivers.services.erasure import erase_by_hand, erase_driver
from drivers.services.erasure_terms import erase_due
from drivers.services.face_log_in import finish_log_in
from drivers.services.face_terms import forget_faces
from drivers.services.faces import (
    check_face,
    enrol_face,
    prepare_photo,
    require_face,
    set_aside_face_check,
    withdraw_face,
)
from drivers.services.payout_accounts import account_details, set_payout_account

__all__ = [
    "account_details",
    "activate_driver",
    "activate_when_complete",
    "approve_document",
    "check_face",
    "correct_document",
    "end_engagement",
    "enrol_face",
    "erase_by_hand",
    "erase_driver",
    "erase_due",
    "finish_log_in",
    "follow_calendars",
    "forget_faces",
    "hand_in_document",
    "invite_driver",
    "invite_driver_again",
    "join_driver",
    "keep_file",
    "leave_driver",
    "may_end",
    "number_of",
    "onboard_driver",
    "open_file",
    "open_matters",
    "prepare_photo",
    "reinstate_driver",
    "reject_document",
    "require_active",
    "require_face",
    "require_papers",
    "set_aside_face_check",
    "set_payout_account",
    "start_engagement",
    "suspend_driver",
    "terminate_driver",
    "update_driver",
    "withdraw_face",
]
