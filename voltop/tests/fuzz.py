"""Fuzzing of the running web server by the OpenAPI file, as each role, among real objects.

Every operation that a role may call is first called as the access matrix has it, so that ids exist
and states are reached; then with what schemathesis draws from the schema, good and bad, until the
time is used up. Operations that end something come last in each round.

Not here: whether each answer means what it says (the tests of the apps).
"""

import json
import random
import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis.openapi
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis.generation import GenerationMode

from fleets.services import auth
from voltop.tests import access
from voltop.tests.cast import PASSWORD
from voltop.tests.judging import OPERATIONS, Operation
from voltop.tests.world import World

ROLES = ("owner", "manager", "dispatcher", "accountant", "support", "viewer", "driver", "client")
LAST = re.compile(
    r"_(end|retire|destroy|terminate|transfer|cancel|close|disable|log_?out\w*|drop)$"
)
EXAMPLES = 3
WAIT_S = 30
OWN_ID_SHARE = 0.8
SHOWN = 10


@dataclass
class Fuzz:
    """One run against a server; `report` is what came of it."""

    url: str
    world: World
    seconds: float
    seed: int
    calls: int = 0
    failures: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    answered: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    log_ins: int = 0

    def run(self) -> dict[str, Any]:
        """Rounds over all operations and roles until the time is over, the first one at least."""
        begun, self.chance = time.monotonic(), random.Random(self.seed)
        described = schemathesis.openapi.from_url(f"{self.url}/api/v1/schema/")
        drawn = {
            operation.definition.raw["operationId"]: operation
            for operation in (result.ok() for result in described.get_all_operations())
        }
        self.line = requests.Session()
        for name in self._order():
            for role in ROLES:
                if self._may(role, name):
                    self._as_the_matrix(role, OPERATIONS[name])
        rounds = 0
        while time.monotonic() - begun < self.seconds:
            for name in filter(drawn.__contains__, self._order()):
                if time.monotonic() - begun >= self.seconds:
                    break
                role = self.chance.choice([r for r in ROLES if self._may(r, name)] or ROLES)
                self._as_drawn(role, OPERATIONS[name], drawn[name])
            rounds += 1
        return self.report(time.monotonic() - begun, rounds)

    def report(self, seconds: float, rounds: int) -> dict[str, Any]:
        share = {
            role: round(len(self.answered[role]) / max(1, len(self._allowed(role))), 3)
            for role in ROLES
        }
        return {
            "calls": self.calls, "errors_5xx": len(self.failures),
            "not_in_the_one_shape": len(self.strange), "operations_2xx_share": share,
            "operations": len(OPERATIONS), "rounds": rounds, "seconds": round(seconds),
            "seed": self.seed, "failures": self.failures[:SHOWN], "strange": self.strange[:SHOWN],
        }  # fmt: skip

    # --- Who may what ----------------------------------------------------------------------------
    def _may(self, role: str, name: str) -> bool:
        return 200 <= access.rows()[name].allow.get(role, (0, 0))[0] < 300

    def _allowed(self, role: str) -> list[str]:
        return [name for name in OPERATIONS if self._may(role, name)]

    def _order(self) -> list[str]:
        names = sorted(OPERATIONS.keys() & access.rows().keys())
        self.chance.shuffle(names)
        return sorted(names, key=lambda name: bool(LAST.search(name)))

    # --- Calls -----------------------------------------------------------------------------------
    def _as_the_matrix(self, role: str, operation: Operation) -> None:
        row = access.rows()[operation.id]
        body = access.fill(row.body, self.world, "a")
        path = access.address(row, operation.path, "own", self.world)
        values: dict[str, Any] = {"headers": dict(row.headers)}
        if body is not None:
            values["json"] = body
        self._send(role, operation, f"{self.url}{path}", values)

    def _as_drawn(self, role: str, operation: Operation, drawn: Any) -> None:
        """Some examples of one operation, drawn from its schema."""
        mode = self.chance.choice((GenerationMode.POSITIVE, GenerationMode.NEGATIVE))

        @seeded(self.chance.randrange(2**32))
        @settings(
            max_examples=EXAMPLES, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(drawn.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            values = dict(case.as_transport_kwargs(base_url=self.url))
            url, method = values.pop("url"), values.pop("method")
            assert method.upper() == operation.method
            if self.chance.random() < OWN_ID_SHARE:
                row = access.rows()[operation.id]
                url = f"{self.url}{access.address(row, operation.path, 'own', self.world)}"
            self._send(role, operation, url.partition("?")[0], values)

        send()

    def _send(self, role: str, operation: Operation, url: str, values: dict[str, Any]) -> None:
        headers = {k: v for k, v in (values.pop("headers", None) or {}).items() if sendable(v)}
        headers = {name: value for name, value in headers.items() if sendable(name)}
        headers |= self.world.callers[role].headers
        if operation.needs_key:
            headers["Idempotency-Key"] = f"fuzz-{self.seed}-{self.calls}"
        for _attempt in range(2):
            self.calls += 1
            answer = self.line.request(
                operation.method, url, headers=headers, timeout=WAIT_S, allow_redirects=False,
                **values,
            )  # fmt: skip
            if answer.status_code != 401 or role == "client" or operation.id.startswith("auth_"):
                break
            headers |= self._log_in(role)  # the last one ended, by itself or by an operation
        self._judge(role, operation, answer)

    def _log_in(self, role: str) -> dict[str, str]:
        caller = self.world.callers[role]
        assert caller.user is not None
        self.log_ins += 1
        pair = auth.log_in(
            login=str(caller.user.email),
            password=PASSWORD,
            address=f"198.18.{self.log_ins // 250}.{self.log_ins % 250}",
            device=auth.Device(),
        )
        caller.headers["Authorization"] = f"Bearer {pair.access_token}"
        return caller.headers

    def _judge(self, role: str, operation: Operation, answer: requests.Response) -> None:
        place = f"{role} {operation.id} {answer.status_code} {answer.text[:300]}"
        if 200 <= answer.status_code < 300 and self._may(role, operation.id):
            self.answered[role].add(operation.id)
        if answer.status_code >= 500:
            self.failures.append(f"{place} {answer.request.method} {answer.request.url} "
                                 f"{str(answer.request.body)[:600]}")  # fmt: skip
        if answer.status_code >= 400 and not in_shape(answer) and operation.id != "oauth_token":
            self.strange.append(place)


def sendable(value: str) -> bool:
    """What a client library sends at all; what it does not is `test_bounds`' and servers' own."""
    return value.isascii() and value.isprintable() and value == value.strip()


def in_shape(answer: requests.Response) -> bool:
    """A problem document; or the server's own refusal of what is no HTTP."""
    if answer.headers.get("Content-Type") != "application/problem+json":
        return answer.status_code == 400 and not answer.content
    document = json.loads(answer.content)
    return document["status"] == answer.status_code and bool(document["code"])
