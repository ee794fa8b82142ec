"""Faults put into views on purpose, one at a time: each must make a cell of the matrix wrong.

    scope     the rows are not narrowed to the active provider's
    narrowed  what the view narrows further is left away
    allowed   the permission of the operation is any log-in
    widened   the answer holds all columns of the model
    relation  a relation in the body names anybody's rows

A mutant is killed by a wrong cell of its operation, never by a crash: a 500 proves nothing.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import models
from drf_spectacular.generators import SchemaGenerator
from rest_framework import serializers

from voltop.api.fields import ProviderRelatedField
from voltop.api.permissions import ANYONE, PERSON, SIGNED_IN
from voltop.api.viewsets import ProviderViewSet
from voltop.context import Actor
from voltop.tests import judging
from voltop.tests.world import World

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Mutant:
    """A fault of one operation."""

    kind: str
    operation: str
    patch: Patch
    detail: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.operation, self.detail)))


def all_mutants() -> list[Mutant]:
    """Every fault that can be put into every operation."""
    return [
        mutant
        for operation_id, (view, action) in sorted(views().items())
        if operation_id in judging.LISTED
        for mutant in mutants_of(operation_id, view, action)
    ]


def views() -> dict[str, tuple[type[Any], str]]:
    """Operation -> its view and action."""
    generator = SchemaGenerator()
    generator._initialise_endpoints()
    by_route = {(op.path, op.method): op.id for op in judging.OPERATIONS.values()}
    found = {}
    for path, _regex, method, callback in generator.endpoints:
        operation_id = by_route.get((path, method)) or by_route.get(
            (path.replace("pk", "id"), method)
        )
        actions = getattr(callback, "actions", None) or {}
        if operation_id:
            found[operation_id] = (callback.cls, actions.get(method.lower(), method.lower()))
    return found


def mutants_of(operation_id: str, view: type[Any], action: str) -> Iterator[Mutant]:
    needed = view.permissions.get(action)
    if needed not in (None, ANYONE, SIGNED_IN, PERSON):
        opened = {**view.permissions, action: SIGNED_IN}
        yield Mutant(
            "allowed", operation_id, lambda patch: patch.setattr(view, "permissions", opened)
        )
    if issubclass(view, ProviderViewSet):
        if not getattr(view.queryset.model, "shared_catalogue", False):
            yield Mutant("scope", operation_id, open_scope(view))
        if "narrow_queryset" in vars(view):
            yield Mutant("narrowed", operation_id, setting(view, "narrow_queryset", left_wide))
        shown = view.output_serializers.get(action, getattr(view, "serializer_class", None))
        if isinstance(shown, type) and issubclass(shown, serializers.ModelSerializer):
            wide = {**view.output_serializers, action: widened(shown)}
            yield Mutant("widened", operation_id, setting(view, "output_serializers", wide))
    for name in relations(view.input_serializers.get(action)):
        yield Mutant("relation", operation_id, open_relation(name), name)


def setting(target: type[Any], name: str, value: Any) -> Patch:
    return lambda patch: patch.setattr(target, name, value)


REACHED: list[str] = []
"""Which faults have been run into since a mutant was begun."""


def reached(depth: int = 2) -> None:
    """Note it, but for the row that is only read again to be shown after a write."""
    name = sys._getframe(depth).f_code.co_name
    if name != "_read_again":
        REACHED.append(name)


def open_scope(view: type[Any]) -> Patch:
    """Drop the view's wall; and the services', which would hide that it is gone."""

    def patch_both(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(view, "get_queryset", unscoped)
        patch.setattr(Actor, "require_same_provider", lambda self, *objects: None)

    return patch_both


def left_wide(self: Any, rows: models.QuerySet) -> models.QuerySet:
    reached(3)
    return rows


def unscoped(self: Any) -> models.QuerySet:
    reached()
    rows: Any = self.queryset.all()
    narrowed: models.QuerySet = self.narrow_queryset(rows.unscoped())
    return narrowed


def widened(shown: type[Any]) -> type[Any]:
    """A serializer that shows the columns of the model too, as they are."""

    class Widened(shown):  # type: ignore[misc]
        def to_representation(self, instance: Any) -> Any:
            data = super().to_representation(instance)
            REACHED.append("shown")
            if isinstance(instance, models.Model):
                for field in instance._meta.concrete_fields:
                    data.setdefault(field.attname, str(getattr(instance, field.attname)))
            return data

    return Widened


def relations(serializer: Any) -> list[str]:
    """The fields of a body that name rows."""
    if not (isinstance(serializer, type) and issubclass(serializer, serializers.Serializer)):
        return []
    fields = serializer().fields
    return sorted(
        name
        for name, field in fields.items()
        if isinstance(getattr(field, "child_relation", field), ProviderRelatedField)
    )


def open_relation(name: str) -> Patch:
    scoped = ProviderRelatedField.get_queryset

    def get_queryset(self: Any) -> models.QuerySet:
        if name not in (self.field_name, getattr(self.parent, "field_name", None)):
            return scoped(self)
        rows: models.QuerySet = self.__dict__["queryset"].all()
        return rows

    return lambda patch: patch.setattr(ProviderRelatedField, "get_queryset", get_queryset)


def fate(mutant: Mutant, world: World) -> str:
    """killed, survived, or idle: no cell comes to where the fault is."""
    REACHED.clear()
    with pytest.MonkeyPatch.context() as patch:
        mutant.patch(patch)
        if noticed(mutant, world):
            return "killed"
    return "survived" if REACHED or mutant.kind in ("allowed", "relation") else "idle"


def noticed(mutant: Mutant, world: World) -> bool:
    if mutant.kind == "relation":
        wrong = judging.wrong_relations(mutant.operation, world)
    else:
        tried = judging.tried_against_a_fault(mutant.operation, world)
        wrong = judging.wrong_cells(mutant.operation, world, tried)
    return any(": 500 instead of" not in text for text in wrong)
