"""Every frame of every socket × everybody who might open one × whose object it names.

Against the files kept by hand (`voltop.tests.access`), like operations. Nobody of A hears a word of
B's; another company's object is answered like one that never was, and nothing is written then.
"""

import json

import pytest

from voltop.sockets.routes import PREFIX, kinds
from voltop.tests import access
from voltop.tests.socket_clients import Client, run
from voltop.tests.world import HTTP, PEOPLE_OF_A

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def unbounded(settings):
    settings.SOCKET_FRAMES_PER_10_S = 1_000


def test_every_frame_has_a_row_and_every_row_a_frame():
    frames = {
        f"{name}.{frame}"
        for name, kind in kinds().items()
        for frame in ("hello", *kind.socket.frames)
    }
    assert frames == access.socket_rows().keys()


@pytest.mark.parametrize("name", kinds())
def test_pages_of_other_sites_open_none_of_them(name):
    async def work():
        client = Client(PREFIX + name, headers=[(b"origin", b"https://evil.example")])
        assert await client.open() == 403

    run(work)


@pytest.mark.parametrize("caller", access.CALLERS)
@pytest.mark.parametrize("name", kinds())
def test_frames(name, caller, world):
    listed = access.socket_rows().items()
    rows = {frame: row for frame, row in listed if frame.startswith(f"{name}.")}
    cells = Cells(world, world.callers[caller])
    wrong = []
    hello = rows.pop(f"{name}.hello").expected(caller, "own", "GET", world)
    answer = HTTP.post(
        "/api/v1/auth/socket-ticket", "", content_type="application/json",
        headers=cells.caller.headers,
    )  # fmt: skip
    if answer.status_code != 201:
        entered = answer.status_code
    else:
        entered = cells.enter(PREFIX + name, answer.json()["ticket"], rows)
    if entered != hello:
        wrong.append(f"hello: {entered} instead of {hello}")
    for frame, row in rows.items():
        for scope in access.scopes(row, world):
            expected = row.expected(caller, scope, "GET", world)
            status = cells.statuses.get((frame, scope), entered)
            if status != expected:
                wrong.append(f"{frame} × {scope}: {status} instead of {expected}")
            alike = cells.answers.get((frame, scope)) == cells.answers.get((frame, "missing"))
            if status == 404 and not alike:
                wrong.append(f"{frame} × {scope} is told from one that never was")
    wrong += [f"hears {leaked}" for leaked in cells.leaks()]
    assert not wrong, "\n".join(wrong)


class Cells:
    """One caller's socket: every frame with everybody's object, one after the other."""

    def __init__(self, world, caller):
        self.world, self.caller = world, caller
        self.statuses, self.answers, self.heard = {}, {}, []

    def enter(self, path, ticket, rows):
        async def work():
            client = Client(path)
            welcome = await client.enter(ticket)
            self.heard.append(welcome)
            if welcome["type"] == "error":
                assert (await client.closed()).code == 4000 + welcome["status"]
                return welcome["status"]
            for frame, row in rows.items():
                for scope in access.scopes(row, self.world):
                    await self._ask(client, frame, row, scope)
            self.heard += client.heard
            await client.leave()
            return 200

        return run(work)

    async def _ask(self, client, frame, row, scope):
        """One cell. What it says of an answer is what may tell objects apart."""
        named = {}
        for field, kind in row.path.items():
            found = self.world.objects[kind]
            named[field] = access.MISSING if scope == "missing" else getattr(found, scope).pk
        body = access.fill(row.body or {}, self.world, self.caller.provider)
        answer = await client.ask(type=frame.partition(".")[2], **named, **body)
        self.statuses[frame, scope] = answer.get("status", 200)
        answer.pop("request_id", None)
        self.answers[frame, scope] = answer

    def leaks(self):
        """Canaries of the other company, and what staff tell each other, in what was heard."""
        text = json.dumps(self.heard, ensure_ascii=False).encode()
        driver = {"driver": self.world.driver, "driver_2": self.world.other_driver}
        own = driver.get(self.caller.name)
        role = self.caller.name if self.caller.name in PEOPLE_OF_A else ""
        shown = self.world.canaries.shown(self.caller.provider, text, own.pk if own else None, role)
        return sorted(shown) + (["a note"] if b"Asked payroll" in text else [])
