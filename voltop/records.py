"""How one kind of record is made and changed by whoever has its values: API, bulk, files.

An app declares its kinds in its `records.py` and registers them under `RECORD_KINDS`, so that one
strict serializer and one service each serve a POST, a PUT by one's own key, a bulk row and a line
of a file. Not here: keys of other systems (`fleets.models.ExternalRef`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db import models

from voltop import registry
from voltop.api.serializers import Serializer
from voltop.columns import Column
from voltop.context import Actor


@dataclass(frozen=True)
class RecordKind:
    """One kind of record.

    - `name`: as in the API's addresses ("drivers").
    - `model`: knows `for_provider`.
    - `new`, `change`: the input serializers of POST and PATCH; what only `new` takes is not looked
      at when the record is there already.
    - `create(provider, actor, values)`, `update(record, actor, values)`: the services.
    - `add_permission`, `change_permission`: what each needs.
    - `columns`: further names of fields' columns in files, and how names in them are found.
    """

    name: str
    model: type[models.Model]
    new: type[Serializer]
    change: type[Serializer]
    create: Callable[[Any, Actor, dict[str, Any]], models.Model]
    update: Callable[[Any, Actor, dict[str, Any]], models.Model]
    add_permission: str
    change_permission: str
    columns: Mapping[str, Column] = field(default_factory=dict)

    @property
    def object_type(self) -> str:
        """The model's name, as external refs and audit entries keep it."""
        return self.model._meta.label_lower

    @cached_property
    def changeable(self) -> frozenset[str]:
        """The fields that a record which is there already takes."""
        return frozenset(self.change().fields)

    def rows(self, provider_id: int) -> models.QuerySet[Any]:
        """The provider's records of this kind."""
        manager: Any = self.model._default_manager
        found: models.QuerySet[Any] = manager.for_provider(provider_id)
        return found


def record_kinds() -> dict[str, RecordKind]:
    """Every kind by name."""
    return {name: declared() for name, declared in registry.collect(registry.RECORD_KINDS).items()}


def kind_of_type(object_type: str) -> RecordKind | None:
    """The kind whose model is named so ("drivers.driver")."""
    kinds = record_kinds().values()
    return next((kind for kind in kinds if kind.object_type == object_type), None)
