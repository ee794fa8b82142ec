"""The counting of error codes counts what the product does, and judges only whole runs."""

import pytest

from fleets.selectors import active_provider
from voltop.context import Actor
from voltop.errors import NotFound
from voltop.tests import reached_codes
from voltop.tests.reached_codes import is_product, judge


@pytest.fixture
def counted(monkeypatch):
    monkeypatch.setattr(reached_codes, "reached", found := set())
    return found


@pytest.mark.django_db
def test_an_error_counts_when_the_product_makes_it(counted):
    with pytest.raises(NotFound):
        raise NotFound()
    assert counted == set()
    with pytest.raises(NotFound):
        active_provider(Actor.system("tests"))
    assert counted == {"not_found"}


@pytest.mark.django_db
def test_a_field_that_refuses_counts_by_its_answer(counted, client):
    client.post("/api/v1/auth/token", {"colour": 1}, content_type="application/json")
    assert {"required", "unknown_field"} <= counted


@pytest.mark.parametrize(
    ("file", "product"),
    [
        ("drivers/services/drivers.py", True),
        ("drivers/tests/test_engagements.py", False),
        ("conftest.py", False),
        (".venv/lib/python3.11/site-packages/django/db/models.py", False),
    ],
)
def test_tests_and_libraries_are_not_the_product(file, product):
    assert is_product(str(reached_codes.ROOT / file)) is product
    assert not is_product("/usr/lib/python3.11/json/decoder.py")


def test_what_nobody_reached_and_what_is_wrongly_excused_is_named():
    assert judge({"a"}, {"a", "b"}, {"b": "why"}) == []
    assert judge({"a", "c"}, {"a", "b", "c"}, {"c": "why", "d": "why"}) == [
        "b: no test runs into it",
        "c: exempt, but reached",
        "d: exempt, but no code",
    ]


def test_a_chosen_part_of_the_suite_is_not_judged(pytestconfig):
    whole = reached_codes.is_whole_run(pytestconfig)
    paths = pytestconfig.args_source is pytest.Config.ArgsSource.ARGS
    assert not (whole and paths)
