"""The admin beside its lists and rows: lookups, popups, searches, refusals. Nothing of B's."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from voltop.tests import access
from voltop.tests.canaries import PREFIX
from voltop.tests.test_admin_matrix import LISTED, MODELS
from voltop.tests.world import PEOPLE_OF_A, World

pytestmark = pytest.mark.django_db

LOOKUPS_AT_LEAST = 12
PEOPLE = (*PEOPLE_OF_A, "owner_b", "suspended", "driver")
COMPANY = {"owner_b": "b", "suspended": "suspended"}


@pytest.fixture(scope="module")
def browsers(built_world: World) -> dict[str, Client]:
    made = {}
    for name in PEOPLE:
        made[name] = Client(raise_request_exception=False)
        made[name].force_login(built_world.callers[name].user)
    return made


def leaks(world: World, name: str, answer: Any) -> set[str]:
    shown = answer.content + str(answer.headers).encode()
    role = name if name in PEOPLE_OF_A else ""
    return world.canaries.shown(COMPANY.get(name, "a"), shown, role=role)


# --- Lookups -------------------------------------------------------------------------------------
def lookups() -> Iterator[tuple[Any, str]]:
    """Every relation that a form of the admin looks up while one types: model and field."""
    for model, model_admin in admin.site._registry.items():
        for owner in (model_admin, *(inline(model, admin.site) for inline in model_admin.inlines)):
            for field in owner.autocomplete_fields:
                yield owner.model, field


LOOKUPS = sorted(set(lookups()), key=lambda pair: (pair[0]._meta.label, pair[1]))


def look_up(browser: Client, model: Any, field: str, term: str) -> Any:
    asked = {"app_label": model._meta.app_label, "model_name": model._meta.model_name}
    return browser.get("/admin/autocomplete/", asked | {"field_name": field, "term": term})


NAMES = [f"{model._meta.label_lower}.{field}" for model, field in LOOKUPS]


@pytest.mark.sample
@pytest.mark.parametrize(("model", "field"), LOOKUPS, ids=NAMES)
def test_a_lookup_offers_ones_own_rows(model, field, world, browsers):
    judge_lookup(model, field, world, browsers, ("owner", "viewer", "owner_b"))


@pytest.mark.slow
@pytest.mark.parametrize(("model", "field"), LOOKUPS, ids=NAMES)
def test_a_lookup_offers_ones_own_rows_to_whoever_may_see_them(model, field, world, browsers):
    judge_lookup(model, field, world, browsers, PEOPLE)


def judge_lookup(
    model: Any, field: str, world: World, browsers: dict[str, Client], people: tuple[str, ...]
) -> None:
    label = model._meta.get_field(field).related_model._meta.label_lower
    wrong = []
    for name in people:
        role = {"owner_b": "owner", "suspended": "owner"}.get(name, name)
        let_in = role in access.admin_rows()[label].get("view", ())
        if name == "suspended" and label in access.while_suspended()["hidden_pages"]:
            let_in = False
        status = 302 if name == "driver" else 200 if let_in else 403
        theirs = "" if name == "owner_b" else PREFIX
        for term in dict.fromkeys(("", "a", theirs)):
            answer = look_up(browsers[name], model, field, term)
            if answer.status_code != status:
                wrong.append(f"{name}, {term}: {answer.status_code} instead of {status}")
            elif status == 200 and term == PREFIX and answer.json()["results"]:
                wrong.append(f"{name} finds what is B's: {answer.json()}")
            wrong += [f"{name}, {term}: shows {what}" for what in leaks(world, name, answer)]
    assert not wrong, "\n".join(wrong)


def test_there_are_so_many_lookups():
    assert len(LOOKUPS) >= LOOKUPS_AT_LEAST


@pytest.mark.parametrize(
    ("app", "model", "field", "status"),
    [
        # A relation that a form shows otherwise answers like one that is looked up.
        ("drivers", "driver", "user", 200),
        ("fleets", "membership", "user", 200),
        ("drivers", "payoutaccount", "driver", 200),
        ("drivers", "engagement", "provider", 200),
        ("voltop", "job", "id", 403),
        ("nothing", "here", "x", 403),
    ],
)
@pytest.mark.parametrize("name", ["owner", "owner_b", "suspended"])
def test_what_no_form_looks_up_shows_no_more(name, app, model, field, status, world, browsers):
    for term in ("", PREFIX):
        asked = {"app_label": app, "model_name": model, "field_name": field, "term": term}
        answer = browsers[name].get("/admin/autocomplete/", asked)
        assert answer.status_code == status
        assert leaks(world, name, answer) == set()


# --- Popups, searches, refusals ------------------------------------------------------------------
CORNERS = ("?_popup=1", "?_popup=1&_to_field=id", "add/?_popup=1", "?nothing__here=1", "?o=99.-99")
"""Behind a list's address; whether they open is the matrix's matter, what they show is ours."""


def corners(label: str, world: World, browsers: dict[str, Client], people: tuple[str, ...]) -> None:
    model = MODELS[label]
    prefix = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    changelist = reverse(f"{prefix}_changelist")
    searches = bool(admin.site._registry[model].search_fields)
    theirs = [world.objects[kind].foreign for kind in world.objects]
    foreign = [row for row in theirs if isinstance(row, model)][:1]
    wrong = []
    for name in people:
        addresses = [changelist + corner for corner in CORNERS]
        addresses += [reverse(f"{prefix}_delete", args=(row.pk,)) for row in foreign]
        for address in addresses:
            answer = browsers[name].get(address)
            if answer.status_code >= 500:
                wrong.append(f"{name}, {address}: {answer.status_code}")
            wrong += [f"{name}, {address}: shows {what}" for what in leaks(world, name, answer)]
        if searches:
            found = browsers[name].get(changelist, {"q": PREFIX})
            if found.status_code == 200 and found.context["cl"].result_count:
                wrong.append(f"{name} finds {found.context['cl'].result_count} of B's")
    assert not wrong, "\n".join(wrong)


@pytest.mark.sample
@pytest.mark.parametrize("label", LISTED[::10])
def test_corners(label, world, browsers):
    corners(label, world, browsers, ("owner",))


@pytest.mark.slow
@pytest.mark.parametrize("label", LISTED)
def test_all_corners(label, world, browsers):
    corners(label, world, browsers, (*PEOPLE_OF_A, "suspended"))
