"""Reading and judging the access matrix: `<app>/tests/access.yaml`, kept by hand.

    operations:
      depots_list:     {allow: {staff client: 200}}
      depots_retrieve: {path: {id: depot}, allow: {staff client: 200}}
      depots_retire:
        path: {id: depot}
        body: {reason: gone}
        allow: {owner manager: 200}
      drivers_update:
        path: {id: driver}
        body: {depot: $depot, note: "x"}
        allow: {owner dispatcher: 200, drivers: 200/404}
      orders_create:
        body: {name: "Order"}
        allow: {owner: 201, suspended: 409}
    admin:
      fleets.depot: {view: staff, add: owner manager, change: owner manager}

- The key is the operationId of the OpenAPI schema. Who is not named is denied: 401 without valid
  credentials, 403 with. `200/404` answers 200 for one's own object and 404 for a colleague's.
- `path` names the kind of object (`World.put`) for each path parameter; a value that is no kind
  goes as it is. `$kind` in a body is its id; `$kind.peer` and `$kind.foreign` are the others'.
  A row with a path or a relation is also tried with provider B's object and one that never was:
  404, or 400 object_not_found in a body, both alike byte for byte.
- B's people (`owner_b`, `driver_b`) are not named: for them the company is turned round. What
  `owner` may, the owner of a suspended company (`suspended`) may too where `suspended.yaml` leaves
  it; of a write that is left the row says what it answers.
- `relations: {connector: $connector}` names relations that the body leaves away, to be tried with
  B's object too; `ids: driver`, of what kind the ids in the body are that each get their answer:
  B's is answered like one that never was.
- `shows: alarm` names the kind of the rows of a list that shows a driver only their own, where no
  operation shows one of them.
- `query` is appended to the address, `headers` are sent, `others: 401` is what the rest gets.
- Groups: staff (the six roles), drivers, clients, people (all with a log-in), everyone.

- Under `admin`, per model, the roles that may look, add and change; whoever is not named sees
  neither the list nor a row. `acts` names, per permission, who is offered its actions on rows:
  `acts: {confirm_shift: owner accountant}`.

- Under `sockets`, per socket and type of frame ("chat.send"), the same as for operations: `path`
  names the kind of object of each field that names one, `body` the other fields, and a status is
  that of the error frame, 200 where there is none. Who gets no ticket is denied like by operations.

Nothing here looks at a view: what is expected stands in the files alone.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from voltop.tests.world import APPS, PEOPLE_OF_A, World

ROOT = Path(__file__).resolve().parent.parent.parent
MISSING = 10**12
SCOPES = ("own", "peer", "foreign", "missing")
WITHOUT_CREDENTIALS = ("anon", "expired")
CALLERS = (
    *WITHOUT_CREDENTIALS,
    *PEOPLE_OF_A,
    *("driver", "driver_2", "owner_b", "driver_b", "suspended"),
    *("platform", "superuser", "client", "client_bare"),
)
GROUPS = {
    "staff": PEOPLE_OF_A,
    "drivers": ("driver", "driver_2"),
    "clients": ("client", "client_bare"),
    "people": (*PEOPLE_OF_A, "driver", "driver_2", "platform", "superuser", "suspended"),
}
ADMIN_KEYS = {"view", "add", "change", "finds", "acts"}
MIRRORED = {"owner_b": "owner", "driver_b": "driver"}
REFERENCE = re.compile(r"\$([a-z_]+)(?:\.(own|peer|foreign))?")


@dataclass(frozen=True)
class Row:
    """What one operation answers to whom."""

    operation: str
    app: str
    allow: dict[str, tuple[int, int]]
    path: dict[str, str] = field(default_factory=dict)
    body: Any = None
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    others: int | None = None
    relations: dict[str, str] = field(default_factory=dict)
    ids: str = ""
    shows: str = ""

    def names_objects(self, world: World) -> bool:
        """Whether the address names a row, and not only what everybody may name."""
        return any(kind in world.objects for kind in self.path.values())

    def expected(self, caller: str, scope: str, method: str, world: World) -> int:
        """The status that a caller gets for an object of a scope.

        Scopes: own, peer, foreign, missing; "own" also where the address names no object.
        """
        if "everyone" in self.allow:
            return self.allow["everyone"][0]
        name = MIRRORED.get(caller, caller)
        if caller == "suspended" and closed_while_suspended(self.operation, method):
            return self.others or 403
        if caller == "suspended" and caller not in self.allow:
            if "owner" in self.allow and method != "GET" and not self.names_objects(world):
                raise AssertionError(f"{self.operation}: say what `suspended` gets")
            name = "owner"
        if name not in self.allow:
            return self.others or world.callers[caller].denied
        own, peer = self.allow[name]
        if not self.names_objects(world):
            return own
        turned = {"own": "foreign", "peer": "foreign", "foreign": "own", "missing": "missing"}
        if caller in MIRRORED:
            scope = turned[scope]
        if caller == "suspended" or scope in ("foreign", "missing"):
            return 404
        if caller == "driver_2":
            return {"own": peer, "peer": own}[scope]
        return own if scope == "own" else peer


@cache
def load(app: str) -> dict[str, Any]:
    """One app's file as it stands; empty where there is none."""
    path = ROOT / app / "tests" / "access.yaml"
    return (yaml.safe_load(path.read_text()) if path.exists() else None) or {}


@cache
def while_suspended() -> dict[str, frozenset[str]]:
    """What stands in `suspended.yaml`: operations by heading."""
    told = yaml.safe_load((ROOT / "voltop" / "tests" / "suspended.yaml").read_text())
    return {what: frozenset(" ".join(names).split()) for what, names in told.items()}


def closed_while_suspended(operation: str, method: str) -> bool:
    """Whether nobody of a suspended company may call it, whatever their role."""
    told = while_suspended()
    return operation in told["hidden"] if method == "GET" else operation not in told["writes"]


@cache
def rows() -> dict[str, Row]:
    """Every row by its operation. Raises AssertionError for what cannot be meant."""
    found: dict[str, Row] = {}
    for app in (*APPS, "voltop"):
        for operation, values in load(app).get("operations", {}).items():
            assert operation not in found, f"{operation} stands in two files"
            assert values.keys() <= KEYS, f"{operation}: unknown {values.keys() - KEYS}"
            allow = _allow(operation, values["allow"])
            found[operation] = Row(operation, app, allow, **_without(values, "allow"))
    return found


@cache
def socket_rows() -> dict[str, Row]:
    """The rows of frames, by socket and type: "chat.send"."""
    found: dict[str, Row] = {}
    for app in (*APPS, "voltop"):
        for frame, values in load(app).get("sockets", {}).items():
            assert frame not in found, f"{frame} stands in two files"
            assert values.keys() <= {"allow", "path", "body"}, f"{frame}: {values.keys()}"
            allow = _allow(frame, values["allow"])
            found[frame] = Row(frame, app, allow, **_without(values, "allow"))
    return found


@cache
def admin_rows() -> dict[str, dict[str, set[str]]]:
    """Model label -> what (view, add, change; finds A's first row, where not all do) -> roles."""
    found: dict[str, dict[str, set[str]]] = {}
    for app in (*APPS, "voltop"):
        for model, values in load(app).get("admin", {}).items():
            assert model not in found, f"{model} stands in two files"
            assert values.keys() <= ADMIN_KEYS, f"{model}: {values.keys() - ADMIN_KEYS}"
            flat = {what: names for what, names in values.items() if what != "acts"}
            flat |= {f"acts.{what}": names for what, names in values.get("acts", {}).items()}
            found[model] = {what: _roles(model, names) for what, names in flat.items()}
    return found


def _roles(model: str, names: str) -> set[str]:
    roles = {role for name in names.split() for role in GROUPS.get(name, (name,))}
    assert roles <= set(PEOPLE_OF_A), f"{model}: {roles}"
    return roles


KEYS = {"allow", "path", "body", "query", "headers", "others", "relations", "ids", "shows"}


def _without(values: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != key}


def _allow(operation: str, given: dict[str, Any]) -> dict[str, tuple[int, int]]:
    allow: dict[str, tuple[int, int]] = {}
    for names, status in given.items():
        own, _, peer = str(status).partition("/")
        for name in names.split():
            for caller in GROUPS.get(name, (name,)):
                assert caller not in MIRRORED, f"{operation}: {caller} follows {MIRRORED[caller]}"
                assert caller not in allow, f"{operation}: {caller} stands twice"
                allow[caller] = (int(own), int(peer or own))
    return allow


def address(row: Row, template: str, scope: str, world: World) -> str:
    """The path of an operation for an object of a scope."""

    def value(match: re.Match[str]) -> str:
        kind = row.path.get(match.group(1))
        assert kind is not None, f"{row.operation}: no kind for {match.group(0)}"
        objects = world.objects.get(kind)
        if objects is None:
            return kind
        return str(MISSING if scope == "missing" else getattr(objects, scope).pk)

    path = re.sub(r"{(\w+)}", value, template)
    return path + (f"?{row.query}" if row.query else "")


def retrieve_of(operation_id: str) -> Row | None:
    """For a list, the row of the operation that shows one of its objects."""
    resource, _, action = operation_id.rpartition("_")
    row = rows().get(f"{resource}_retrieve")
    return row if action == "list" and row and len(row.path) == 1 else None


def scopes(row: Row, world: World) -> list[str]:
    """Whose objects an address can name."""
    if not row.names_objects(world):
        return ["own"]
    kinds = [world.objects[kind] for kind in row.path.values() if kind in world.objects]
    has_peer = all(kind.peer is not None for kind in kinds)
    return ["own", *(["peer"] if has_peer else []), "foreign", "missing"]


def fill(body: Any, world: World, provider: str, replace: dict[str, int] | None = None) -> Any:
    """A row's body with the ids it refers to, as somebody of that company means them."""
    if isinstance(body, dict):
        return {key: fill(value, world, provider, replace) for key, value in body.items()}
    if isinstance(body, list):
        return [fill(item, world, provider, replace) for item in body]
    match = REFERENCE.fullmatch(body) if isinstance(body, str) else None
    if match is None:
        return body
    if replace and body in replace:
        return replace[body]
    assert match.group(1) in world.objects, f"no object of kind {match.group(1)}"
    scope = match.group(2) or "own"
    if provider == "b":
        scope = "own" if scope == "foreign" else "foreign"
    return getattr(world.objects[match.group(1)], scope).pk


def references(body: Any) -> set[str]:
    """The references in a row's body."""
    return set(re.findall(r"\"(\$[a-z_]+(?:\.(?:own|peer))?)\"", json.dumps(body)))
