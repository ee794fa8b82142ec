"""Every model of the admin × every role, against the files kept by hand.

What a role may do is asked of each model's admin; pages are fetched as one role that is let in and
one that is not, as a driver, and as provider B's owner. The long run fetches all as everybody.
"""

from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client, RequestFactory
from django.urls import reverse

from fleets.models import User
from voltop.tests import access
from voltop.tests.pages import inline_scripts
from voltop.tests.world import APPS, PEOPLE_OF_A, World

pytestmark = pytest.mark.django_db

MODELS = {model._meta.label_lower: model for model in admin.site._registry}
LISTED = sorted(MODELS.keys() & access.admin_rows().keys())
BROWSERS = {*PEOPLE_OF_A, "owner_b", "driver", "superuser", "suspended"}
OBJECTS = ("own", "foreign", "missing")
ALL_PAGES = {"list", *(f"{whose} {page}" for whose in OBJECTS for page in ("row", "history"))}
THIRD_PARTY = sorted(MODELS.keys() - {label for label in MODELS if label.partition(".")[0] in APPS})


@pytest.mark.parametrize("app", APPS)
def test_every_model_of_the_admin_has_a_row_and_every_row_a_model(app):
    registered = {label for label in MODELS if label.partition(".")[0] == app}
    rows = set(access.load(app).get("admin", {}))
    assert sorted(registered - rows) == [], "models without a row"
    assert sorted(rows - registered) == [], "rows without a model"


def test_models_of_others_have_rows_too():
    assert sorted(access.load("voltop").get("admin", {})) == THIRD_PARTY


def acting(user: User, provider_id: int | None, *roles: str) -> User:
    """The user as the middleware would hand it to the admin."""
    fresh = User.objects.get(pk=user.pk)
    fresh.use_provider(provider_id, frozenset(roles))
    return fresh


@pytest.mark.parametrize("label", LISTED)
def test_what_each_role_may_do(label, world):
    model_admin, row = admin.site._registry[MODELS[label]], access.admin_rows()[label]
    wrong = []
    for role in PEOPLE_OF_A:
        request = RequestFactory().get("/admin/")
        request.user = acting(world.callers[role].user, world.a.pk, role)
        view = role in row.get("view", ()) or role in row.get("change", ())
        may = {
            "view": (model_admin.has_view_permission(request), view),
            "add": (model_admin.has_add_permission(request), role in row.get("add", ())),
            "change": (model_admin.has_change_permission(request), role in row.get("change", ())),
            "delete": (model_admin.has_delete_permission(request), False),
        }
        offered = {
            getattr(action, "permission", "")
            for action, *_ in model_admin.get_actions(request).values()
        }
        for what in row:
            if what.startswith("acts."):
                permission = f"{model_admin.opts.app_label}.{what.removeprefix('acts.')}"
                may[what] = (permission in offered, role in row[what])
        wrong += [
            f"{role} may {what}: {is_}" for what, (is_, wanted) in may.items() if is_ != wanted
        ]
        rows = model_admin.get_queryset(request)
        wrong += [f"{role} sees {row}" for row in rows if belongs_to(row, world.b.pk)]
    assert not wrong, "\n".join(wrong)


def belongs_to(row: Any, provider_id: int) -> bool:
    return provider_id == getattr(row, "provider_id", None)


@pytest.fixture(scope="module")
def browsers(built_world: World) -> dict[str, Client]:
    """Everybody's browser, logged in."""
    made = {}
    for name in BROWSERS:
        made[name] = Client(raise_request_exception=False)
        made[name].force_login(built_world.callers[name].user)
    return made


@pytest.mark.sample
@pytest.mark.parametrize("label", LISTED[::5])
def test_pages(label, world, browsers):
    row = access.admin_rows()[label]
    inside = next((role for role in PEOPLE_OF_A if role in row.get("view", ())), None)
    outside = next(
        (role for role in reversed(PEOPLE_OF_A) if role not in row.get("view", ())), None
    )
    tried = {inside: ALL_PAGES, outside: {"list", "own row"}, "driver": {"list"}}
    tried["owner_b"] = {"list", "foreign row"}
    tried.pop(None, None)
    visit(label, world, browsers, tried)


@pytest.mark.slow
@pytest.mark.parametrize("label", LISTED)
def test_all_pages(label, world, browsers):
    visit(label, world, browsers, dict.fromkeys(BROWSERS, ALL_PAGES))


def visit(label, world, browsers, tried):
    model, row = MODELS[label], access.admin_rows()[label]
    wrong = []
    for name in sorted(tried):
        role = {"owner_b": "owner", "suspended": "owner"}.get(name, name)
        staff = name if name in PEOPLE_OF_A else ""
        let_in = name == "superuser" or role in row.get("view", ())
        if name == "suspended" and label in access.while_suspended()["hidden_pages"]:
            let_in = False
        finds = row.get("finds", {role})
        for what, address, wanted in addresses(model, name, world):
            if what not in tried[name]:
                continue
            answer = browsers[name].get(address)
            expected = wanted if let_in else 403
            if let_in and what.startswith("own") and role not in finds:
                expected = 302  # as if it were not there
            if name == "driver":
                expected = 302  # to the log-in: not a member of staff at all
            if answer.status_code != expected:
                wrong.append(f"{name}, {what}: {answer.status_code} instead of {expected}")
            wrong += [f"{name}, {what}: runs {code}" for code in inline_scripts(answer.content)]
            shown = answer.content + str(answer.headers).encode()
            provider = {"superuser": None}.get(name, world.callers[name].provider)
            wrong += [
                f"{name}, {what}: shows {field}"
                for field in sorted(world.canaries.shown(provider, shown, role=staff))
            ]
    assert not wrong, "\n".join(wrong)


def addresses(model, name, world):
    """Pages of a model and their status for whoever may look at it; absent rows lead away."""
    prefix = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    yield "list", reverse(f"{prefix}_changelist"), 200
    mine, theirs = (world.b.pk, world.a.pk) if name == "owner_b" else (world.a.pk, world.b.pk)
    absent = [("missing", access.MISSING)]
    if name not in ("superuser", "suspended"):
        own = row_of(model, mine)
        foreign = row_of(model, theirs)
        absent += [("foreign", foreign.pk)] if foreign else []
        if own is not None:
            yield "own row", reverse(f"{prefix}_change", args=(own.pk,)), 200
            yield "own history", reverse(f"{prefix}_history", args=(own.pk,)), 200
    for what, key in absent:
        yield f"{what} row", reverse(f"{prefix}_change", args=(key,)), 302
        yield f"{what} history", reverse(f"{prefix}_history", args=(key,)), 302


def row_of(model: type[models.Model], provider_id: int) -> Any:
    """Some row of the provider's, where the model's rows belong to providers."""
    for_provider = getattr(model._default_manager.all(), "for_provider", None)
    if getattr(model, "shared_catalogue", False):
        return None
    return None if for_provider is None else for_provider(provider_id).order_by("pk").first()
