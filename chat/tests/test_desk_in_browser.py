"""The desk in real browsers: two agents and a driver, over the socket and without one."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect, sync_playwright

from chat import services
from fleets.models import User
from voltop.settings import base
from voltop.tests.cast import PASSWORD, Cast
from voltop.tests.embedded_instance import free_port
from voltop.tests.files_corpus import png
from voltop.tests.live_process import live
from voltop.tests.real_processes import running, wait_until
from voltop.tests.test_postgres_restarts import answers

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
WAIT_MS = 60_000
OWN = "/api/v1/me/conversations"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium to look at the pages with"),
]


class Desk:
    """The cast, the server's address and browsers, each with one agent logged in."""

    def __init__(self, cast: Cast, url: str, browser: Browser) -> None:
        self.cast, self.url, self.browser = cast, url, browser
        self.wrong: list[str] = []
        self.cuts = 0

    def agent(self, user: User, *, cut: bool = False) -> Page:
        """A page of a browser of its own; with `cut` every socket ends as soon as it is opened."""
        context = self.browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
        context.set_default_timeout(WAIT_MS)
        if cut:
            context.route_web_socket(re.compile("/ws/v1/chat"), self._end)
        page = context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", self._hear)
        page.goto(f"{self.url}/admin/login/")
        page.locator("input[name=username]").fill(str(user.email))
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("button[type=submit]").first.click()
        page.wait_for_url(re.compile("/admin/$"))
        return page

    def _hear(self, said: Any) -> None:
        if "Content Security Policy" in said.text:
            self.wrong.append(said.text)

    def _end(self, route: WebSocketRoute) -> None:
        self.cuts += 1
        route.close(code=1001)

    def inbox(self, page: Page) -> Locator:
        page.goto(f"{self.url}/admin/chat/conversation/")
        return page.locator("#content-main")


@pytest.fixture
def desk(
    transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Iterator[Desk]:
    """The server that production serves sockets with, which here serves pages, too."""
    settings.PASSWORD_HASHERS = base.PASSWORD_HASHERS  # not the tests' fast one
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the browser's loop is in this thread
    cast, port = Cast(), free_port()
    services.create_canned_reply(
        cast.a, actor=cast.actor(), shortcut="photo", body="A photo of it, please, {{first_name}}."
    )
    server = live(tmp_path / "live.log", port)
    with running(server):
        wait_until(lambda: answers(port), within_s=60, meanwhile=server.still_lives)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
            made = Desk(cast, f"http://127.0.0.1:{port}", browser)
            yield made
            browser.close()
            connection.close()  # Django keeps another one for code beside a running loop
    assert made.wrong == []


def begin(driver: Any, body: str, topic: str) -> int:
    made = driver.post(OWN, {"topic": topic, "body": body}, format="json")
    assert made.status_code == 201, made.json()
    return int(made.json()["id"])


def say(driver: Any, talk: int, body: str) -> None:
    sent = driver.post(f"{OWN}/{talk}/messages", {"body": body}, format="json")
    assert sent.status_code == 201, sent.json()


def open_page(page: Page, talk: int) -> None:
    page.goto(re.sub("/admin/.*", f"/admin/chat/conversation/{talk}/change/", page.url))


def shows(place: Locator, text: str) -> None:
    expect(place).to_contain_text(text, timeout=WAIT_MS)


def send(page: Page) -> None:
    page.get_by_role("button", name="Send and save").click()
    page.wait_for_load_state()


def test_two_agents_and_a_driver(desk: Desk, api: Callable[..., Any]) -> None:
    cast = desk.cast
    first, second = desk.agent(cast.support), desk.agent(cast.dispatcher)
    driver = api(cast.driver.user)
    sockets: list[Any] = []
    second.on("websocket", lambda socket: sockets.append(socket))
    for page in (first, second):
        shows(desk.inbox(page), "Nothing here yet")
    talk = begin(driver, "The flap does not close.", "vehicle")
    for page in (first, second):
        shows(page.locator("#content-main"), "Dora Driver")
    assert sockets, "the inbox heard of it by its socket"

    first.get_by_role("link", name="1", exact=True).click()
    shows(first.locator("#facts"), "with nobody yet")
    first.get_by_role("button", name="Take").click()
    shows(first.locator("#facts"), "with Support Alba Moves")
    shows(second.locator("#content-main"), "Support Alba Moves")
    open_page(second, talk)
    shows(second.locator("#facts"), "with Support Alba Moves")

    first.get_by_label("Canned reply").select_option(label="photo")
    expect(first.get_by_label("Answer the driver")).to_have_value("A photo of it, please, Dora.")
    send(first)
    shows(second.locator("#talk"), "A photo of it, please, Dora.")
    first.get_by_label("Note among staff").fill("He bent it himself")
    send(first)
    shows(second.locator("#talk .desk-note"), "He bent it himself")
    heard = [driver.get(f"{OWN}/{talk}/messages"), driver.get(f"{OWN}/transcript")]
    assert all(answer.status_code == 200 for answer in heard)
    assert all("A photo of it" in answer.content.decode() for answer in heard)
    assert not any("bent it" in answer.content.decode() for answer in heard)

    late = second.locator("#moves").evaluate("form => form.outerHTML")
    first.get_by_role("button", name="Resolve").click()
    for page in (first, second):
        shows(page.locator("#facts"), "resolved")
        expect(page.get_by_role("button", name="Reopen")).to_be_visible(timeout=WAIT_MS)
        expect(page.get_by_role("button", name="Resolve")).to_have_count(0)
    second.locator("#moves").evaluate("(form, late) => { form.outerHTML = late; }", late)
    second.get_by_role("button", name="Resolve").click()
    shows(second.locator("body"), "Support Alba Moves has resolved it already.")
    assert driver.get(f"{OWN}/{talk}").json()["status"] == "resolved"


def test_an_answer_from_a_page_that_stood_open_leaves_the_conversation_with_whom_took_it(
    desk: Desk, api: Callable[..., Any]
) -> None:
    cast = desk.cast
    first, second = desk.agent(cast.support), desk.agent(cast.dispatcher)
    talk = begin(api(cast.driver.user), "The flap does not close.", "vehicle")
    for page in (first, second):
        open_page(page, talk)
    first.get_by_role("button", name="Take").click()
    chosen = second.get_by_label("Assignee")
    expect(chosen).to_have_value(str(cast.support.pk), timeout=WAIT_MS)
    second.get_by_label("Answer the driver").fill("Come to the yard.")
    send(second)
    for page in (first, second):
        shows(page.locator("#talk"), "Come to the yard.")
        shows(page.locator("#facts"), "with Support Alba Moves")


def test_files_go_out_with_an_answer_and_pictures_are_seen(
    desk: Desk, api: Callable[..., Any]
) -> None:
    driver, page = api(desk.cast.driver.user), desk.agent(desk.cast.support)
    talk = begin(driver, "Where do I plug it in?", "charging")
    open_page(page, talk)
    picture = {"name": "plug.png", "mimeType": "image/png", "buffer": png()}
    chosen = page.locator("#id_attachments")
    chosen.set_input_files([picture, {**picture, "name": "notes.png", "buffer": b"no picture"}])
    page.get_by_label("Answer the driver").fill("Here:")
    send(page)
    shows(page.locator("#conversation_form"), "notes.png: Hand in a photo")
    expect(page.get_by_label("Answer the driver")).to_have_value("Here:")
    chosen.set_input_files([picture])
    send(page)
    shown = page.locator("#talk img")
    expect(shown).to_be_visible(timeout=WAIT_MS)
    shown.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('#talk img').naturalWidth > 0")
    with page.expect_download() as download:
        page.get_by_role("link", name="plug.jpg", exact=True).last.click()
    assert download.value.suggested_filename == "plug.jpg"


def test_without_a_socket_everything_still_comes(desk: Desk, api: Callable[..., Any]) -> None:
    cast, driver = desk.cast, api(desk.cast.driver.user)
    inbox, page = desk.agent(cast.support, cut=True), desk.agent(cast.dispatcher, cut=True)
    shows(desk.inbox(inbox), "Nothing here yet")
    talk = begin(driver, "The flap does not close.", "vehicle")
    shows(inbox.locator("#content-main"), "Dora Driver")
    open_page(page, talk)
    say(driver, talk, "Nobody there?")
    shows(page.locator("#talk"), "Nobody there?")
    expect(page.locator("#line")).to_be_hidden(timeout=WAIT_MS)

    page.context.set_offline(True)
    expect(page.locator("#line")).to_be_visible(timeout=WAIT_MS)
    say(driver, talk, "Hello?")
    page.context.set_offline(False)
    shows(page.locator("#talk"), "Hello?")
    expect(page.locator("#line")).to_be_hidden(timeout=WAIT_MS)
    assert page.locator("#talk li").count() == 3, "each once"
    assert desk.cuts >= 2

    asked: list[str] = []
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.wait_for_timeout(2_000)  # for what is on its way
    page.on("request", lambda request: asked.append(request.url))
    say(driver, talk, "Is it late?")
    page.wait_for_timeout(10_000)
    assert asked == [], "a hidden page is quiet"
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    shows(page.locator("#talk"), "Is it late?")
