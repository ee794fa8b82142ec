"""What each role may do with conversations."""

from collections.abc import Mapping

_READ = (
    *("view_conversation", "view_message", "view_internalnote", "view_slapolicy"),
    "view_attachment",
    *("view_alarm", "view_page", "view_oncall", "view_cannedreply"),
    "view_announcement",
)
_ANSWER = (
    *_READ,
    "change_alarm",
    "add_message",
    "add_internalnote",
    "change_conversation",
    "add_conversation",
    "add_cannedreply",
    "change_cannedreply",
)
_DISPATCH = (*_ANSWER, "add_announcement")
_LEAD = (*_DISPATCH, "add_slapolicy", "change_slapolicy", "add_oncall", "change_oncall")

ROLE_PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "owner": _LEAD,
    "manager": _LEAD,
    "dispatcher": _DISPATCH,
    "accountant": _ANSWER,
    "support": _ANSWER,
    "viewer": (),
    "driver": ("speak_as_driver",),
}


def of_chat() -> Mapping[str, tuple[str, ...]]:
    return ROLE_PERMISSIONS


API_SCOPES: Mapping[str, tuple[str, ...]] = {
    "chat:read": ("view_conversation", "view_message", "view_alarm"),
}
"""Machines read what was said, and who calls for help; they do not talk, and never see notes."""


def scopes_of_chat() -> Mapping[str, tuple[str, ...]]:
    return API_SCOPES


WHILE_SUSPENDED: Mapping[str, tuple[str, ...]] = {
    "kept": (
        "change_alarm",
        "add_announcement",
        "add_message",
        "add_internalnote",
        "change_conversation",
        "add_conversation",
        "speak_as_driver",
    ),
    "hidden": (),
}
"""People go on talking."""


def while_suspended() -> Mapping[str, tuple[str, ...]]:
    return WHILE_SUSPENDED
