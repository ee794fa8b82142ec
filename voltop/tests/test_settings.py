"""Settings come from the environment, and each is told to whoever runs Voltop."""

import re

import pytest
from django.db import connection

from voltop.embedded import pytest_plugin
from voltop.embedded.paths import CHECKOUT

READER = re.compile(r'env\.[a-z_]+\(\s*["\'](\w+)["\']|env\.ENVIRON')


def test_every_setting_from_the_environment_is_documented():
    source = (CHECKOUT / "voltop/settings/base.py").read_text()
    read = {match[1] for match in READER.finditer(source) if match[1]}
    assert len(read) > 15
    told = (CHECKOUT / "docs/operations.md").read_text()
    assert {name for name in read if f"`{name}`" not in told} == set()


def test_the_example_environment_names_real_settings():
    source = (CHECKOUT / "voltop/settings/base.py").read_text()
    compose = (CHECKOUT / "compose.yaml").read_text()
    example = (CHECKOUT / "deploy/example.env").read_text()
    names = re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)
    assert "VOLTOP_MASTER_KEYS" in names
    for name in names:
        assert f'"{name}"' in source or f"${{{name}" in compose, name


@pytest.mark.django_db
def test_only_making_and_dropping_the_test_database_is_unbounded(monkeypatch):
    options = dict(connection.settings_dict["OPTIONS"])
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)

    def timeout(cursor):
        cursor.execute("SHOW statement_timeout")
        return cursor.fetchone()[0]

    with connection.cursor() as cursor:
        assert timeout(cursor) == "5s"
    with connection._nodb_cursor() as cursor:
        assert timeout(cursor) == "5s"
    bounded = pytest_plugin._lift_bounds()
    with connection._nodb_cursor() as cursor:
        assert timeout(cursor) == "0"
    assert "statement_timeout=5000" in bounded
