"""Every service that changes something leaves its trace: an audit entry or an event of a machine.

Twice: by reading the code of every service that takes an actor, wherever it is called from; and
by calling what the world of the access matrix can bring to succeed. What needs no trace is named
here, with the reason.
"""

import ast
from collections.abc import Iterator
from functools import cache

import pytest
from django.apps import apps

from fleets.models import AuditEntry
from voltop.states import StateEvent
from voltop.tests import access, house
from voltop.tests.house import Source
from voltop.tests.judging import OPERATIONS, call

NO_TRACE = {
    "chat.services.messages.add_note": "the note is a row of its own, with author and time",
    "chat.services.messages.append": "a message is a row of its own, with author and time",
    "chat.services.messages.mark_read": "what somebody has read is no change that matters",
    "drivers.services.documents.number_of": "stands beside the picture, whose showing is audited",
    "drivers.services.faces.prepare_photo": "looks through a photo, and changes nothing",
    "drivers.services.payout_accounts.holder_tax_id_of": "compared when one is set; never shown",
    "drivers.services.payout_accounts.account_details": "read by a payout alone, which has events",
    "fleets.services.auth.log_out": "one's own log-in: its row says when and how it ended",
    "fleets.services.imports.require_may": "judges, and changes nothing",
    "chat.services.attachments.hand_in_attachment": "a row of its own, with author and time",
    "fleets.services.invitations.invite": "a part of inviting, which its caller records",
    "fleets.services.socket_tickets.issue_ticket": "opens what its caller may open anyway",
    "fleets.services.second_factor.begin": "a seed opens nothing until its code is shown",
    "fleets.services.second_factor.require_fresh": "judges, and changes nothing",
    "fleets.services.second_factor.require_shown": "judges, and changes nothing",
    "payments.services.adjustments.require_same_adjustment": "judges, and changes nothing",
    "payments.services.ledger.post": "entries are never changed and say what they are",
    "shifts.services.parts.open_stint": "a part of starting a shift or changing the car",
    "shifts.services.parts.close_stint": "a part of ending a shift or changing the car",
    "shifts.services.platform_entries.post_entries": "an import: rows that are never changed",
    "telemetry.services.batches.ingest": "measurements, counted by batch",
    "telemetry.services.batches.ingest_body": "measurements, counted by batch",
    "telemetry.services.batches.ingest_samples": "measurements, counted by batch",
    "telemetry.services.imports.import_file": "measurements, counted by batch",
    "telemetry.services.sources.move_trackers": "a part of handing a vehicle over",
    "vehicles.services.parts.call_off_assignments": "a part of a vehicle's moves",
}
"""Service → why it writes neither an audit entry nor an event of its own."""

NO_TRACE_CALLED = {
    "auth_logout": "one's own log-in: its row says when and how it ended",
    "auth_second_factor": "a seed opens nothing until its code is shown",
    "auth_socket_ticket": "opens what its caller may open anyway, within half a minute",
    "charging_sessions_bulk": "an import: rows that are never changed",
    "conversations_read": "what somebody has read is no change that matters",
    "me_conversations_read": "what somebody has read is no change that matters",
    "me_attachments_create": "an attachment is a row of its own, with author and time",
    "me_sos_create": "an alarm is a row of its own, with driver and time",
    "me_messages_create": "a message is a row of its own, with author and time",
    "me_notices_read": "what somebody has read is no change that matters",
    "notes_create": "the note is a row of its own, with author and time",
    "telemetry_samples": "measurements, counted by batch",
}
"""Operation → why what it changes leaves no trace."""

Function = tuple[Source, ast.FunctionDef]


# --- By reading ----------------------------------------------------------------------------------
@cache
def by_name() -> dict[str, list[Function]]:
    found: dict[str, list[Function]] = {}
    for source in house.product():
        for node in source.tree.body:
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, []).append((source, node))
    return found


def services() -> list[Function]:
    """Every public service that takes an actor: who acts matters for it."""
    return [
        (source, node)
        for functions in by_name().values()
        for source, node in functions
        if "services" in source.module.split(".")
        and not node.name.startswith("_")
        and "actor" in {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
    ]


def calls(node: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """(what the function is taken from, its name) of each call."""
    for found in ast.walk(node):
        if isinstance(found, ast.Call):
            base = getattr(found.func, "value", None)
            yield ast.unparse(base) if base is not None else "", house.called(found)
            if house.called(found) == "partial":
                yield "", getattr(found.args[0], "id", "")


def marks(node: ast.FunctionDef) -> bool:
    return any(
        (base == "audit" and name == "record")
        or (base.endswith("MACHINE") and name in ("move", "open", "record"))
        or (base.endswith("Event.objects") and name == "bulk_create")
        for base, name in calls(node)
    )


def leaves_trace(source: Source, node: ast.FunctionDef, above: tuple[str, ...] = ()) -> bool:
    """Whether it, or any function of ours that it calls, writes an entry or an event."""
    if marks(node):
        return True
    here = f"{source.module}.{node.name}"
    if here in above:
        return False
    return any(
        leaves_trace(other, function, (*above, here))
        for base, name in calls(node)
        for other, function in by_name().get(name, ())
        if (other.module.endswith(base.rpartition(".")[2]) if base else other.app == source.app)
    )


def test_every_service_leaves_a_trace():
    found = {f"{s.module}.{node.name}" for s, node in services() if not leaves_trace(s, node)}
    assert len(services()) > 140
    assert sorted(found - NO_TRACE.keys()) == [], "write an audit entry beside the change"
    assert sorted(NO_TRACE.keys() - found) == [], "no exception any more"


def test_a_service_without_a_trace_is_seen():
    text = "def change(x, *, actor): Thing.objects.update(x=x)"
    source = Source("fleets/services/things.py", text)
    assert not leaves_trace(source, source.tree.body[0])
    for line in ("audit.record('x')", "THING_MACHINE.move(x)", "update_provider(x)"):
        source = Source("fleets/services/things.py", f"def change(x, *, actor): {line}")
        assert leaves_trace(source, source.tree.body[0]), line


# --- By calling ----------------------------------------------------------------------------------
TRACES = {AuditEntry._meta.db_table} | {
    model._meta.db_table for model in apps.get_models() if issubclass(model, StateEvent)
}
BOOKKEEPING = {
    *("voltop_idempotencykey", "voltop_outboxmessage", "voltop_event", "fleets_attemptwindow"),
}
WRITES = sorted(
    name
    for name in OPERATIONS.keys() & access.rows().keys()
    if OPERATIONS[name].method not in ("GET", "HEAD", "OPTIONS")
)
SEEN: set[str] = set()


def somebody(operation_id, world):
    """The first caller of A for whom the matrix says that the operation succeeds."""
    row = access.rows()[operation_id]
    for name in sorted(row.allow, key=lambda name: name != "owner"):
        if name == "everyone" or world.callers[name].provider != "a":
            continue
        if row.expected(name, "own", OPERATIONS[operation_id].method, world) < 300:
            return world.callers[name]
    return None


@pytest.mark.sample
@pytest.mark.django_db
@pytest.mark.parametrize("operation_id", WRITES[::4])
def test_what_changes_something_leaves_a_trace(operation_id, world):
    judge_by_calling(operation_id, world)


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("operation_id", WRITES)
def test_whatever_changes_something_leaves_a_trace(operation_id, world):
    judge_by_calling(operation_id, world)


def judge_by_calling(operation_id, world):
    """Operations that the world's example cannot bring to succeed are only read, above."""
    caller = somebody(operation_id, world)
    if caller is None:
        return
    operation, row = OPERATIONS[operation_id], access.rows()[operation_id]
    answer, touched = call(operation, row, caller, "own", world)
    assert answer.status_code < 300, answer.content
    changed = touched.keys() - BOOKKEEPING
    if changed & TRACES:
        SEEN.add(operation_id)
    elif changed:
        assert operation_id in NO_TRACE_CALLED, f"{operation_id} changes {sorted(changed)}"


@pytest.mark.django_db
def test_most_operations_were_called(world):
    assert not SEEN & NO_TRACE_CALLED.keys(), "no exception any more"
    assert NO_TRACE_CALLED.keys() <= set(WRITES)
    print(f"\naudit: {len(SEEN)} of {len(WRITES)} writing operations were seen to leave a trace")
