"""What a lower floor must show of a higher one, without importing it.

A *point* is a question that a lower app asks ("who blocks this start?"); a higher app registers a
function that **returns** its part of the answer, in its `apps.py`. All answers can then be shown
at once. Both sides import only this module. News goes the other way, by signals.
"""

from collections.abc import Callable
from typing import Any

USER_ROLES = "fleets.user_roles"
"""(user) -> iterable of (provider_id, role name, joined): records that let a user in."""

ROLE_PERMISSIONS = "fleets.role_permissions"
"""key = app label, () -> {role: codenames}: what each role may do with the app's models."""

WHILE_SUSPENDED = "fleets.while_suspended"
"""key = app label, () -> {"kept": codenames, "hidden": codenames}: what people of a suspended
company keep beside looking, and what they do not even see (`fleets.suspension`)."""

LOG_IN_STEPS = "fleets.log_in_steps"
"""(begun, at) -> NoCredentials | None: what else somebody must show who has proven the rest, with
the challenge of that step (`fleets.services.challenges`)."""

API_SCOPES = "fleets.api_scopes"
"""key = app label, () -> {scope: codenames}: what an API client's scope opens in the app."""

SANDBOX_SEEDS = "fleets.sandbox_seeds"
"""(provider, asker, approver, at) -> None: fills a fresh company for tests with an app's rows."""

NOT_COUNTED = "fleets.not_counted"
"""() -> ids of companies that are not real ones, as a queryset: for whatever counts over all."""

PROVIDER_BLOCKERS = "fleets.provider_blockers"
"""(provider) -> list of {code, detail, count}: what stands in the way of closing a provider."""

DRIVER_BLOCKERS = "drivers.blockers"
"""(driver) -> list of {code, count[, overridable]}: what is to be settled before leaving for good.
Given back or ended it must be, unless it is overridable: then staff may set it aside."""

START_GATES = "shifts.start_gates"
"""(driver, vehicle | None, at) -> list of shifts.gates.Refusal: why a shift may not start."""

EXPORT_GATES = "voltop.export_gates"
"""(actor, at) -> DomainError | None: why no file of rows may leave for this actor now."""

CONVERSATION_SUBJECTS = "chat.subjects"
"""key = subject type, (object_id, provider_id) -> chat.subjects.Subject | None."""

VEHICLE_PANELS = "vehicles.panels"
"""(vehicle, provider_id) -> voltop.panels.Panel: what stands below a vehicle in the admin.
provider_id None: platform staff, who see all of it."""

DRIVER_PANELS = "drivers.panels"
"""The same below a driver: (driver, provider_id) -> voltop.panels.Panel."""

DRIVER_CARDS = "voltop.driver_cards"
"""(driver, provider_id) -> voltop.cards.Card | None: facts beside a driver's conversation."""

DRIVER_ACTIONS = "voltop.driver_actions"
"""(driver, provider_id) -> list of voltop.cards.QuickAction: what may be done for a driver now."""

OFFLINE_KINDS = "voltop.offline_kinds"
"""() -> list of voltop.api.offline.OfflineKind: what a driver's phone may queue without network."""

TODAY = "voltop.today"
"""() -> list of voltop.today.Part: what stands in a driver's `me/today`."""

AUDIENCES = "chat.audiences"
"""key = name, (provider_id) -> ids of drivers, as a queryset: whom a message to many may go to."""

WORK = "voltop.work"
"""() -> list of voltop.home.Work: what can need staff, for the inbox and the first page."""

WORK_SET_ASIDE = "voltop.work_set_aside"
"""(provider_id) -> {kind: object ids}: work that was put off or called done."""

HOME_FIGURES = "voltop.home_figures"
"""(provider_id) -> list of voltop.home.Figure: how the day stands, for the first page."""

NOTICE_KINDS = "voltop.notice_kinds"
"""() -> list of voltop.notices.NoticeKind: what people are told of."""

RECORD_KINDS = "voltop.record_kinds"
"""key = name, () -> voltop.records.RecordKind: what is put by key, in bulk, by file."""

SOCKETS = "voltop.sockets"
"""key = name in the address, () -> voltop.sockets.routes.Kind: what people may open."""

ERASED = "voltop.erased"
"""key = kind of row, (note) -> bool: whether what a note names is erased, or was never here."""

ERASE_AGAIN = "voltop.erase_again"
"""key = kind of row, (note) -> None: erase it in this database too (`voltop.erasures`)."""

_points: dict[str, dict[str, Callable[..., Any]]] = {}


def register(point: str, key: str, function: Callable[..., Any]) -> None:
    """Add one app's answer to a point; a key registers once (the same function may come again)."""
    known = _points.setdefault(point, {}).setdefault(key, function)
    if known is not function:
        raise RuntimeError(f"{point}: {key} is registered twice")


def collect(point: str) -> dict[str, Callable[..., Any]]:
    """All functions of a point by key, in the order in which they were registered."""
    return dict(_points.get(point, {}))
