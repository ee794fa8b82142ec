"""`manage.py migrate` as Django has it, several times faster on an empty database.

Django renders every related model anew for each table, constraint and index of a migration's
state. With dozens of models that all point at providers, that is most of a first start and of a
fresh test database, and it grows with the square of the models. A new table has nothing that
pointed at it before; a constraint, an index, a field that nothing refers to touch one table only:
none of them needs it. Before a migration's own Python runs, Django renders all models anew. The
SQL stays Django's own; a test compares the resulting schema with the one of the slow way.

At its end what a restored backup brought back is erased again (`voltop.erasures`).
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db.migrations.state import ModelState, ProjectState

from voltop import erasures


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with rendering_only_what_changes():
            super().handle(*args, **options)
        if not options["plan"] and not options["check_unapplied"] and not options["app_label"]:
            try:
                erasures.apply_again()
            except erasures.StoreMissing as error:
                raise CommandError(str(error)) from error


@contextlib.contextmanager
def rendering_only_what_changes() -> Iterator[None]:
    """Render one model where Django renders all that are related."""
    quick: dict[str, Callable[..., None]] = {
        name: _changing_one_option(getattr(ProjectState, name))
        for name in ("_append_option", "_remove_option", "_alter_option")
    }
    quick["add_model"] = _adding_one_model(ProjectState.add_model)
    for name in ("add_field", "alter_field"):
        quick[name] = _changing_one_field(getattr(ProjectState, name))
    originals = {name: getattr(ProjectState, name) for name in quick}
    for name, function in quick.items():
        setattr(ProjectState, name, function)
    try:
        yield
    finally:
        for name, function in originals.items():
            setattr(ProjectState, name, function)


@contextlib.contextmanager
def _apps_set_aside(state: ProjectState) -> Iterator[Any]:
    """The rendered models, if any; without them Django only notes the change."""
    apps = state.__dict__.pop("apps", None)
    try:
        yield apps
    finally:
        if apps is not None:
            state.__dict__["apps"] = apps


def _changing_one_option(original: Callable[..., None]) -> Callable[..., None]:
    """For constraints and indexes: hand the new list to the rendered model."""

    def change(state: ProjectState, app_label: str, model_name: str, *rest: Any) -> None:
        with _apps_set_aside(state) as apps:
            original(state, app_label, model_name, *rest)
        if apps is not None:
            options = state.models[app_label, model_name].options
            meta = apps.get_model(app_label, model_name)._meta
            meta.constraints = list(options.get("constraints", []))
            meta.indexes = list(options.get("indexes", []))

    return change


def _adding_one_model(original: Callable[..., None]) -> Callable[..., None]:
    """Render the new model alone; Django's lazy relations tie it to those it points at."""

    def add(state: ProjectState, model_state: ModelState) -> None:
        with _apps_set_aside(state) as apps:
            original(state, model_state)
        if apps is not None:
            apps.render_multiple([model_state])

    return add


def _changing_one_field(original: Callable[..., None]) -> Callable[..., None]:
    """Render the field's model alone, unless other tables may refer to the field."""

    def change(
        state: ProjectState, app_label: str, model_name: str, name: str, field: Any, *rest: Any
    ) -> None:
        if field.unique:  # a primary key is unique, too
            original(state, app_label, model_name, name, field, *rest)
            return
        with _apps_set_aside(state) as apps:
            original(state, app_label, model_name, name, field, *rest)
        if apps is not None:
            state.is_delayed = True
            with apps.bulk_update():
                apps.unregister_model(app_label, model_name)
            apps.render_multiple([state.models[app_label, model_name]])

    return change
