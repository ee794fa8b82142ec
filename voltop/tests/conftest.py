"""Fixtures of the kernel's tests."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import clear_url_caches, set_urlconf

from payments.tests.conftest import bank, bank_process  # noqa: F401  (what tasks pay through)
from voltop.tests.api_views import CALLERS, Caller, DepotViewSet
from voltop.tests.world import World


class Api:
    """The strict base over HTTP, as one caller."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.client = Client(raise_request_exception=False)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One request; a body that is bytes goes as it is, anything else as JSON."""
        if self.name:
            headers.setdefault("Authorization", f"Bearer {self.name}")
        kind = headers.pop("content_type", "application/json")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body)
        return self.client.generic(
            method, f"/api/v1{path}", raw, content_type=kind, headers=headers
        )

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)


@pytest.fixture
def test_urls(settings: Any) -> Iterator[None]:
    """The routes of `api_views` instead of the product's."""
    settings.ROOT_URLCONF = "voltop.tests.api_views"
    clear_url_caches()
    yield
    CALLERS.clear()
    DepotViewSet.ran.clear()
    clear_url_caches()
    set_urlconf(None)


@pytest.fixture
def caller(test_urls: None) -> Callable[..., Api]:
    """`caller("ana", provider_id=3)` is an Api that calls as Ana."""

    def make(name: str = "ana", **values: Any) -> Api:
        CALLERS[name] = Caller(**values)
        return Api(name)

    return make


@pytest.fixture
def stranger(test_urls: None) -> Api:
    """A caller without credentials."""
    return Api("")


@pytest.fixture
def world(built_world: World) -> World:
    """The world of the access matrix, everybody in it logged in."""
    built_world.renew()
    return built_world


@pytest.fixture(scope="session")
def built_world(django_db_setup: Any, django_db_blocker: Any) -> Iterator[World]:
    """The world of the access matrix, in one transaction that is never committed.

    For modules marked `django_db` (that mark makes the database): each test works in a savepoint.
    Its tests come last (the root's conftest), so that no other meets the open transaction.
    """
    with django_db_blocker.unblock():
        with transaction.atomic():
            yield World().build()
            transaction.set_rollback(True)
        connection.close()
