"""Writes of fleets, by noun: providers, people, depots."""

from fleets.services.depots import check_opening_hours, create_depot, retire_depot, update_depot
from fleets.services.import_runs import run_import, run_imports
from fleets.services.imports import (
    FILES_KEPT,
    MAX_FILE_BYTES,
    apply_import,
    forget_files,
    read_columns,
    request_import,
)
from fleets.services.people import (
    add_member,
    change_role,
    create_user,
    end_membership,
    invite_member,
    invite_member_again,
)
from fleets.services.providers import (
    activate_provider,
    change_policy,
    close_provider,
    create_provider,
    require_active,
    require_room,
    suspend_provider,
    update_provider,
)
from fleets.services.refs import link_object, put_record, take_record, unlink_ref

__all__ = [
    "FILES_KEPT",
    "MAX_FILE_BYTES",
    "activate_provider",
    "add_member",
    "apply_import",
    "change_policy",
    "change_role",
    "check_opening_hours",
    "close_provider",
    "create_depot",
    "create_provider",
    "create_user",
    "end_membership",
    "forget_files",
    "invite_member",
    "invite_member_again",
    "link_object",
    "put_record",
    "read_columns",
    "request_import",
    "require_active",
    "require_room",
    "retire_depot",
    "run_import",
    "run_imports",
    "suspend_provider",
    "take_record",
    "unlink_ref",
    "update_depot",
    "update_provider",
]
