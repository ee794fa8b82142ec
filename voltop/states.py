"""The one way to move a state.

A `Machine` stands beside its model and names every legal move once. `Machine.move` locks the row,
checks the move against what the *database* holds, changes it by a conditional UPDATE and writes
the append-only event row. Only services call it.

    MACHINE = Machine(
        "status", {"invited": {"onboarding", "terminated"}, ...}, news=News("driver")
    )

    class DriverEvent(StateEvent):
        driver = models.ForeignKey(Driver, models.PROTECT, related_name="events")
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
        after = self.to_state.replace("_", " ")
        return f"{self.from_state.replace('_', ' ')} → {after}" if self.from_state else after


@dataclass(frozen=True, slots=True)
class News:
    """Which moves the outside is told of, as events (`voltop.events`) of an object by this name.

    `kinds` maps a state to the event of entering it, "paid" → "payment.paid"; without it every
    state is told, as "<name>.<state>". `ids` are foreign keys of the row whose ids go along.
    """

    name: str
    kinds: Mapping[str, str] | None = None
    ids: Sequence[str] = ()

    def kind(self, state: str) -> str | None:
        """The event of entering a state; None where nobody is told."""
        return f"{self.name}.{state}" if self.kinds is None else self.kinds.get(state)


@dataclass(frozen=True, slots=True)
class Moved:
    """One move that was made in bulk: the row's key, the state it left and the one it is in."""

    pk: int
    from_state: str
    to_state: str


class Machine:
    """The legal moves of one status column: `moves[from] = {to, …}`; final states map to {}.

    With `news`, each move that it names is published as an event, in the move's transaction.
    """

    def __init__(
        self, field: str, moves: Mapping[str, set[str]], *, news: News | None = None
    ) -> None:
        self.field = field
        self.news = news
        self.moves = {state: frozenset(targets) for state, targets in moves.items()}
        unknown = {to for targets in moves.values() for to in targets} - self.moves.keys()
        if unknown:
            raise ValueError(f"moves to states that have no row of their own: {sorted(unknown)}")

    def allows(self, state: str, to: str) -> bool:
        return to in self.moves[state]

    def opens(self, to: str, only_from: set[str] | None = None) -> Callable[[Any, Actor], bool]:
        """Whether a row's present state has this move: for pages that offer only what may be."""

        def is_open(obj: Any, actor: Actor) -> bool:
            state = getattr(obj, self.field)
            return self.allows(state, to) and (only_from is None or state in only_from)

        return is_open

    def open(
        self,
        obj: models.Model,
        *,
        actor: Actor,
        at: datetime,
        reason: str = "",
        told: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the first event of a freshly created row (from nothing to its state).

        `told` are columns that the machine's own event table has besides.
        """
        self._write_event(obj, "", getattr(obj, self.field), actor, at, reason, **(told or {}))
        self._tell(obj, "", 1, (self.field,), actor, at)

    def move(
        self,
        obj: models.Model,
        to: str,
        *,
        actor: Actor,
        at: datetime,
        reason: str = "",
        only_from: set[str] | None = None,
        told: Mapping[str, Any] | None = None,
        **columns: Any,
    ) -> str:
        """Move `obj` to `to`, set `columns` with it, and return the state it left.

        `only_from` narrows the machine for a service that means only some of the ways to `to`;
        `told` are columns that the machine's own event table has besides.
        Raises IllegalMove (409) when the row's present state has no such move, NotFound when the
        row is gone. The row stays locked (FOR NO KEY UPDATE) until the caller's transaction ends.
        `obj` itself carries the new values afterwards.
        """
        if not transaction.get_connection().in_atomic_block:
            raise RuntimeError("a state moves only inside a transaction")
        rows = type(obj)._base_manager.filter(pk=obj.pk)
        locked = rows.select_for_update(no_key=True)
        found = locked.values_list(self.field, "row_version").first()
        if found is None:
            raise NotFound()
        state, version = found
        if not self.allows(state, to) or (only_from is not None and state not in only_from):
            raise IllegalMove(
                object=obj._meta.model_name, state=state, to=to, allowed=sorted(self.moves[state])
            )
        rows.update(**{self.field: to}, **columns)
        for name, value in {self.field: to, **columns}.items():
            setattr(obj, name, value)
        self._write_event(obj, state, to, actor, at, reason, **(told or {}))
        self._tell(obj, state, version + 1, (self.field, *columns), actor, at)
        return str(state)

    def record(
        self,
        model: Any,
        moves: Iterable[Moved],
        *,
        provider_id: int,
        actor: Actor,
        at: datetime,
        reason: str = "",
    ) -> None:
        """The event rows (and news) of moves of one provider's rows that one statement made.

        The caller has locked the rows, and has asked `allows` for each move.
        """
        relation, moves = model.events.rel, list(moves)
        relation.related_model.objects.bulk_create(
            relation.related_model(
                **{relation.field.attname: moved.pk},
                provider_id=provider_id,
                from_state=moved.from_state,
                to_state=moved.to_state,
                actor=str(actor),
                at=at,
                reason=reason[:500],
            )
            for moved in moves
        )
        self._tell_many(model, moves, provider_id, actor, at)

    def _write_event(
        self, obj: Any, state: str, to: str, actor: Actor, at: datetime, reason: str, **told: Any
    ) -> None:
        obj.events.create(
            provider_id=obj.provider_id,
            from_state=state,
            to_state=to,
            actor=str(actor),
            at=at,
            reason=reason[:500],
            **told,
        )

    def _tell(
        self,
        obj: Any,
        before: str,
        version: int,
        changed: Sequence[str],
        actor: Actor,
        at: datetime,
    ) -> None:
        from voltop import events  # reads tables, which are built on this module

        after = getattr(obj, self.field)
        kind = None if self.news is None else self.news.kind(after)
        if self.news is None or kind is None:
            return
        values = {name: getattr(obj, f"{name}_id") for name in self.news.ids}
        related = {name: value for name, value in values.items() if value is not None}
        happening = events.Happening(kind, obj.pk, version, changed, before, after, related)
        events.publish(happening, provider_id=obj.provider_id, actor=actor, at=at)

    def _tell_many(
        self, model: Any, moves: Sequence[Moved], provider_id: int, actor: Actor, at: datetime
    ) -> None:
        from voltop import events  # as above

        if self.news is None:
            return
        told = [(moved, kind) for moved in moves if (kind := self.news.kind(moved.to_state))]
        if not told:
            return
        keys = [moved.pk for moved, _kind in told]
        columns = ("pk", "row_version", *(f"{name}_id" for name in self.news.ids))
        rows = {row["pk"]: row for row in model._base_manager.filter(pk__in=keys).values(*columns)}
        events.publish_all(
            (
                events.Happening(
                    kind,
                    moved.pk,
                    rows[moved.pk]["row_version"],
                    (self.field,),
                    moved.from_state,
                    moved.to_state,
                    {
                        name: value
                        for name in self.news.ids
                        if (value := rows[moved.pk][f"{name}_id"]) is not None
                    },
                )
                for moved, kind in told
            ),
            provider_id=provider_id,
            actor=actor,
            at=at,
        )


class QuietMachine(Machine):
    """A machine without a timeline: for rows by the million that machinery moves and forgets.

    Such rows are deleted after a time, which an append-only timeline would forbid; they say in
    columns of their own what there is to say.
    """

    def _write_event(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is kept of a move."""
