"""What each role may do with drivers."""

from collections.abc import Mapping

_READ = ("view_driver", "view_driverevent", "view_engagement")
_WRITE = (*_READ, "view_identity", "add_driver", "change_driver")
_ACCOUNTS = ("view_payoutaccount", "add_payoutaccount", "change_payoutaccount")
_PAPERS = (
    "view_driverdocument",
    "view_driverdocumentevent",
    "add_driverdocument",
    "change_driverdocument",
    "review_driverdocument",
)
_FACES = ("view_facecheck", "set_aside_facecheck")
_ENGAGEMENTS = ("add_engagement", "change_engagement")

ROLE_PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "owner": (
        *_WRITE,
        *_PAPERS,
        *_FACES,
        "terminate_driver",
        "erase_driver",
        "override_settlement",
        *_ACCOUNTS,
        *_ENGAGEMENTS,
    ),
    "manager": (*_WRITE, *_PAPERS, *_FACES, "terminate_driver", *_ENGAGEMENTS),
    "dispatcher": (*_WRITE, *_PAPERS, *_FACES),
    "accountant": (*_READ, "view_identity", *_ACCOUNTS),
    "support": _READ,
    "viewer": ("view_driver",),
    "driver": ("own_papers", "own_day", "own_face"),
}


def of_drivers() -> Mapping[str, tuple[str, ...]]:
    return ROLE_PERMISSIONS


API_SCOPES: Mapping[str, tuple[str, ...]] = {
    "drivers:read": _READ,
    "drivers:write": ("add_driver", "change_driver", *_ENGAGEMENTS),
    "drivers.identity:read": ("view_identity",),
    "drivers.papers:read": ("view_driverdocument",),
    "drivers.papers:write": ("add_driverdocument", "change_driverdocument"),
    "drivers.bank:read": ("view_payoutaccount",),
    "drivers.bank:write": ("add_payoutaccount",),
}
"""Ending a driver's work for good, judging papers and whatever concerns faces is for people; bank
data, papers and who a person is in law have scopes of their own."""


def scopes_of_drivers() -> Mapping[str, tuple[str, ...]]:
    return API_SCOPES


WHILE_SUSPENDED: Mapping[str, tuple[str, ...]] = {
    "kept": (
        "terminate_driver",
        "erase_driver",
        "override_settlement",
        "change_engagement",
        "add_payoutaccount",
        "change_payoutaccount",
        "own_papers",
        "own_day",
        "review_driverdocument",
        "own_face",
    ),
    "hidden": (),
}
"""People leave, and are paid; papers run out and are renewed meanwhile; consent is withdrawn."""


def while_suspended() -> Mapping[str, tuple[str, ...]]:
    return WHILE_SUSPENDED
