"""The world of the access matrix: two companies, everybody who might call, and what they own.

Each app adds its objects in `<app>/tests/world.py`:

    def build(world: World) -> None:
        world.put("depot", own=world.depot(), foreign=world.depot(world.b, world.canary("depot")))

`own` is what concerns driver A1 (or nobody in particular), `peer` the same thing of driver A2,
`foreign` provider B's. What belongs to B carries canaries in its texts (`voltop.tests.canaries`):
no answer to anyone of A may hold one. Apps are built in the order of their floors, so lower apps'
objects are there.
"""

import importlib
import importlib.util
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import Permission
from django.test import Client

from drivers.models import Driver
from fleets import services, tokens
from fleets.models import FleetProvider, User
from fleets.scopes import all_scopes
from fleets.services import api_clients, auth
from voltop import clock, crypto, jobs
from voltop.api import idempotency
from voltop.context import Actor
from voltop.tests.canaries import PREFIX as CANARY
from voltop.tests.canaries import Canaries
from voltop.tests.cast import PASSWORD, Cast

APPS = (
    *("fleets", "drivers", "vehicles", "chat"),
    *("telemetry", "shifts", "reservations", "payments"),
)
FORM = "application/x-www-form-urlencoded"
HTTP = Client(raise_request_exception=False)
PEOPLE_OF_A = ("owner", "manager", "dispatcher", "accountant", "support", "viewer")


@dataclass(frozen=True)
class Objects:
    """The rows that one kind of address can name."""

    own: Any
    foreign: Any
    peer: Any = None


@dataclass
class Caller:
    """One actor of the matrix: how it proves itself, and where it stands."""

    name: str
    headers: dict[str, str] = field(default_factory=dict)
    provider: str = "a"
    denied: int = 403
    user: User | None = None


class World(Cast):
    """Both companies and all actors; `objects` by kind, `callers` by name."""

    def __init__(self) -> None:
        self.objects: dict[str, Objects] = {}
        self.callers: dict[str, Caller] = {}
        self.attempts: Counter[str] = Counter()  # of writes so far, by table (the matrix counts)

    def build(self) -> "World":
        """Make the actors, then each app's objects."""
        self._people()
        self.begun_at = clock.now()
        for app in APPS:
            name = f"{app}.tests.world"
            if importlib.util.find_spec(name):
                builder = getattr(importlib.import_module(name), "build", None)
                if builder is not None:
                    builder(self)
        self._clients()
        for provider in (self.a, self.b):  # a company's first kept answer makes its key
            crypto.encrypt(
                subject=idempotency.SUBJECT, provider_id=provider.pk, context="", plaintext=b""
            )
        owners = {"own": self.driver, "peer": self.other_driver, "foreign": self.foreign_driver}
        work = {scope: self._job(driver) for scope, driver in owners.items()}
        self.put("job", **work)
        self.canaries = Canaries(self.a, self.b)
        return self

    def renew(self) -> None:
        """Give people's access tokens their full time again: one world outlives many of them."""
        now = clock.now()
        for caller in self.callers.values():
            if caller.user is not None:
                scheme, _, raw = caller.headers["Authorization"].partition(" ")
                old = tokens.read_access(raw, at=self.begun_at)
                token = tokens.issue_access(
                    user_id=old.user_id, token_version=old.token_version, family=old.family, at=now
                )
                caller.headers["Authorization"] = f"{scheme} {token}"
        self.begun_at = now

    # --- For the apps' builders ------------------------------------------------------------------
    @staticmethod
    def canary(what: str) -> str:
        """A text for something of provider B, which nobody of A may ever see."""
        return f"{CANARY} {what}"

    def put(self, kind: str, *, own: Any, foreign: Any, peer: Any = None) -> None:
        """Name the rows that addresses and bodies may refer to as `kind`."""
        assert kind not in self.objects, f"{kind} is put twice"
        self.objects[kind] = Objects(own=own, foreign=foreign, peer=peer)

    def know_as(self, kind: str, system: str, external_id: str) -> None:
        """Both companies' other systems call their own row of the kind by the same id."""
        for row in (self.objects[kind].own, self.objects[kind].foreign):
            actor = self.actor(row.provider)
            services.link_object(row, actor=actor, system=system, external_id=external_id)

    def add_caller(self, name: str, headers: dict[str, str], *, denied: int = 401) -> None:
        """An actor of an app's own, like a telemetry source; `denied` is what it gets elsewhere."""
        self.callers[name] = Caller(name, headers, denied=denied)

    # --- Who there is ----------------------------------------------------------------------------
    @cached_property
    def b(self) -> FleetProvider:
        # In A's currency, so that a body with money means the same to both.
        return self._provider(self.canary("company"), "DE", "MXN", "Europe/Berlin")

    @cached_property
    def suspended(self) -> FleetProvider:
        return self._provider("Calma Cabs", "BR", "BRL", "America/Sao_Paulo")

    @cached_property
    def foreign_driver(self) -> Driver:
        return self.new_driver(f"{CANARY}Detlef", self.b)

    def _job(self, driver: Driver) -> jobs.Job:
        actor = Actor("user", driver.user_id, driver.provider_id)
        return jobs.queue("tests.nothing", actor=actor, params={"of": str(driver)})

    def _people(self) -> None:
        self.callers["anon"] = Caller("anon", denied=401)
        for role in PEOPLE_OF_A:
            self._add(role, self.person(self.a, role))
        self._add("owner_b", self.person(self.b, "owner"), provider="b")
        self._add("driver", self.driver.user)
        self._add("driver_2", self.other_driver.user)
        self._add("driver_b", self.foreign_driver.user, provider="b")
        self._add("suspended", self.person(self.suspended, "owner"), provider="suspended")
        services.suspend_provider(self.suspended, actor=self.platform, reason="unpaid")
        staff = services.create_user(
            actor=self.platform,
            full_name="Platform",
            email="staff@platform.example",
            password=PASSWORD,
            is_staff=True,
        )
        staff.user_permissions.add(
            Permission.objects.get(codename="view_all_providers", content_type__app_label="fleets")
        )
        into_a = {"X-Voltop-Provider": str(self.a.pk)}
        self._add("platform", staff, **into_a)
        self._add("superuser", self.superuser, **into_a)
        long_ago = clock.now() - timedelta(hours=1)
        pair = auth.log_in(
            login=str(self.owner.email),
            password=PASSWORD,
            address="198.51.100.9",
            device=auth.Device(),
            at=long_ago,
        )
        self._add_bearer("expired", pair.access_token, denied=401)

    def _add(self, name: str, user: User, provider: str = "a", **headers: str) -> None:
        """Log the person in, over HTTP."""
        body = {"login": user.email, "password": PASSWORD}
        address = f"198.51.100.{10 + len(self.callers)}"  # each address has few log-ins
        answer = HTTP.post(
            "/api/v1/auth/token", body, content_type="application/json", REMOTE_ADDR=address
        )
        assert answer.status_code == 200, answer.content
        self._add_bearer(name, answer.json()["access_token"], provider=provider, **headers)
        self.callers[name].user = user

    def _add_bearer(
        self, name: str, token: str, *, provider: str = "a", denied: int = 403, **headers: str
    ) -> None:
        headers["Authorization"] = f"Bearer {token}"
        self.callers[name] = Caller(name, headers, provider=provider, denied=denied)

    def _clients(self) -> None:
        """An API client with every scope there is, and one that may only read fleets'."""
        for name, scopes in {
            "client": sorted(all_scopes()),
            "client_bare": ["fleets:read"],
        }.items():
            client, secret = api_clients.create_client(
                self.a, actor=self.actor(), name=name, wanted=scopes
            )
            form = {
                "grant_type": "client_credentials",
                "client_id": client.client_id,
                "client_secret": secret,
            }
            answer = HTTP.post(
                "/api/v1/oauth/token",
                urlencode(form),
                content_type=FORM,
                REMOTE_ADDR="198.51.100.8",
            )
            assert answer.status_code == 200, answer.content
            self._add_bearer(name, answer.json()["access_token"])
