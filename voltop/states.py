"""The one way to move a state.

A `Machine` stands beside its model and names every legal move once. `Machine.move` locks the row,
checks the move against what the *database* holds, changes it by a conditional UPDATE and writes
the append-only event row. Only services call it.

    MACHINE = Machine("status", {"invited": {"onboarding", "terminated"}, ...})

    class DriverEvent(StateEvent):
        driver = models.ForeignKey(Driver, models.PROTECT, related_name="events")
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models, transaction

from voltop.context import Actor
from voltop.errors import IllegalMove, NotFound
from voltop.models import Model
from voltop.querysets import ProviderQuerySet


class StateEvent(Model):
    """One move of a state machine: the timeline that users see. Append-only.

    Each machine has its own table: a subclass with a foreign key whose related_name is "events".
    `provider_id` repeats the moved row's provider, so that timelines are scoped like all else.
    `at` is when it happened (UTC); `created_at`, when it was recorded.
    """

    append_only = True

    provider_id = models.BigIntegerField(db_index=True)
    from_state = models.CharField(max_length=24, blank=True)
    to_state = models.CharField(max_length=24)
    actor = models.CharField(max_length=80)
    at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.from_state or '∅'} → {self.to_state}"


class Machine:
    """The legal moves of one status column: `moves[from] = {to, …}`; final states map to {}."""

    def __init__(self, field: str, moves: Mapping[str, set[str]]) -> None:
        self.field = field
        self.moves = {state: frozenset(targets) for state, targets in moves.items()}
        unknown = {to for targets in moves.values() for to in targets} - self.moves.keys()
        if unknown:
            raise ValueError(f"moves to states that have no row of their own: {sorted(unknown)}")

    def allows(self, state: str, to: str) -> bool:
        return to in self.moves[state]

    def open(self, obj: models.Model, *, actor: Actor, at: datetime, reason: str = "") -> None:
        """Write the first event of a freshly created row (from nothing to its state)."""
        self._write_event(obj, "", getattr(obj, self.field), actor, at, reason)

    def move(
        self,
        obj: models.Model,
        to: str,
        *,
        actor: Actor,
        at: datetime,
        reason: str = "",
        only_from: set[str] | None = None,
        **columns: Any,
    ) -> str:
        """Move `obj` to `to`, set `columns` with it, and return the state it left.

        `only_from` narrows the machine for a service that means only some of the ways to `to`.
        Raises IllegalMove (409) when the row's present state has no such move, NotFound when the
        row is gone. The row stays locked (FOR NO KEY UPDATE) until the caller's transaction ends.
        `obj` itself carries the new values afterwards.
        """
        if not transaction.get_connection().in_atomic_block:
            raise RuntimeError("a state moves only inside a transaction")
        rows = type(obj)._base_manager.filter(pk=obj.pk)
        state = rows.select_for_update(no_key=True).values_list(self.field, flat=True).first()
        if state is None:
            raise NotFound()
        if not self.allows(state, to) or (only_from is not None and state not in only_from):
            raise IllegalMove(
                object=obj._meta.model_name, state=state, to=to, allowed=sorted(self.moves[state])
            )
        rows.update(**{self.field: to}, **columns)
        for name, value in {self.field: to, **columns}.items():
            setattr(obj, name, value)
        self._write_event(obj, state, to, actor, at, reason)
        return str(state)

    def _write_event(
        self, obj: Any, state: str, to: str, actor: Actor, at: datetime, reason: str
    ) -> None:
        obj.events.create(
            provider_id=obj.provider_id,
            from_state=state,
            to_state=to,
            actor=str(actor),
            at=at,
            reason=reason[:500],
        )
