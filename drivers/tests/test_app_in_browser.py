"""The app in a real browser: opened, the network cut, a shift started, the network back."""

import base64
import shutil
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django_otp.oath import hotp
from playwright.sync_api import Page, expect, sync_playwright

from chat import services as chat_services
from chat.tests.world import conversation
from drivers import services as driver_services
from drivers.faces import consent
from drivers.models import Driver, FaceTemplate
from drivers.tests.painted_faces import PaintedFaces, enrol, painted
from fleets.models import FleetPolicy, FleetProvider
from fleets.services import challenges, second_factor
from reservations.models import Reservation
from reservations.offers import offers
from reservations.tests.scene import book, make_station
from vehicles import services as vehicle_services
from voltop import clock
from voltop.context import Actor
from voltop.files import Prepared
from voltop.tests.cast import PASSWORD, Cast
from voltop.tests.files_corpus import jpeg

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
WAIT_MS = 60_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium to look at the page with"),
]


@pytest.fixture
def office(transactional_db: None) -> Cast:
    return Cast()


@pytest.fixture
def driver(office: Cast) -> Driver:
    """A driver who has a car and no papers to see to."""
    vehicle_services.assign(
        office.vehicle, office.driver, actor=office.actor(), kind="permanent", starts_at=clock.now()
    )
    return office.driver


@pytest.fixture
def phone(driver: Driver, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A phone of 360 × 640 on which nobody has logged in. Its console says nothing bad."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the browser's loop is in this thread
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        size = {"width": 360, "height": 640}
        context = browser.new_context(viewport=size, locale="en-US", has_touch=True)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content" in said.text else None)
        page.goto(f"{live_server.url}/driver/")
        yield page
        browser.close()
        connection.close()  # Django keeps another one for code beside a running loop
        assert wrong == []


@pytest.fixture
def page(phone: Page, driver: Driver) -> Page:
    """The same with the driver logged in."""
    log_in(phone, driver)
    expect(phone.get_by_role("button", name="Start the shift")).to_be_enabled(timeout=WAIT_MS)
    return phone


def log_in(phone: Page, driver: Driver) -> None:
    phone.get_by_label("E-mail or phone").fill(str(driver.user.email))
    phone.get_by_label("Password").fill(PASSWORD)
    phone.get_by_role("button", name="Log in", exact=True).click()


def test_the_face_is_shown_at_log_in_where_the_company_asks_for_it(
    phone: Page, driver: Driver
) -> None:
    FleetPolicy.objects.filter(provider=driver.provider).update(face_login="always")
    enrol(None, driver, actor=Actor("user", driver.user_id, driver.provider_id))
    log_in(phone, driver)
    camera = phone.get_by_label("Take a photo of your face")
    expect(phone.get_by_text(f"{driver.provider.name} asks to see your face")).to_be_visible()
    fits(phone)
    for person, said in ((2, "Attempts left: 2."), (1, "")):
        camera.set_input_files(selfie(painted(person, 9)))
        phone.get_by_role("button", name="Log in", exact=True).click()
        if said:
            expect(phone.get_by_role("alert")).to_contain_text(said, timeout=WAIT_MS)
    expect(phone.get_by_role("button", name="Start the shift")).to_be_enabled(timeout=WAIT_MS)
    results = driver.face_checks.order_by("pk").values_list("purpose", "result")
    assert list(results) == [("login", "failed"), ("login", "passed")]


def test_a_face_is_enrolled_shown_before_a_start_and_deleted(phone: Page, driver: Driver) -> None:
    FleetPolicy.objects.filter(provider=driver.provider).update(face_check="always")
    log_in(phone, driver)
    start = phone.get_by_role("button", name="Start the shift")
    expect(start).to_be_disabled(timeout=WAIT_MS)
    expect(phone.get_by_role("link", name="Show your face")).to_be_visible()
    phone.get_by_role("link", name="Enrol your face").click()
    expect(phone.get_by_text("128 numbers are computed")).to_be_visible(timeout=WAIT_MS)
    fits(phone)
    enrol_on(phone, painted(1, 1), painted(1, 2), painted(1, 3, dark=1))
    expect(phone.get_by_role("alert").last).to_contain_text(
        "Photo 3: It is too dark.", timeout=WAIT_MS
    )
    assert not FaceTemplate.objects.exists()
    phone.get_by_label("Photo 3 of 3").set_input_files(selfie(painted(1, 3)))
    phone.get_by_role("button", name="Enrol my face").click()
    expect(phone.get_by_text("Enrolled on")).to_be_visible(timeout=WAIT_MS)
    template = FaceTemplate.objects.get(driver=driver)
    assert template.consent_version == consent.VERSION
    expect(phone.get_by_text(template.model, exact=True)).to_be_visible()
    fits(phone)
    for person, said in ((2, "Attempts left: 2."), (1, "")):
        camera = phone.get_by_label("Take a photo of your face")
        camera.set_input_files(selfie(painted(person, 9)))
        phone.get_by_role("button", name="Show it").click()
        if said:
            expect(phone.get_by_role("alert").filter(has_text=said)).to_be_visible(timeout=WAIT_MS)
    expect(phone.get_by_text("Your face was recognised.")).to_be_visible(timeout=WAIT_MS)
    phone.evaluate("location.hash = 'today'")
    expect(start).to_be_enabled(timeout=WAIT_MS)
    phone.evaluate("location.hash = 'more'")
    phone.get_by_role("link", name="See, show or delete it").click()
    phone.get_by_role("button", name="Delete my face").click()
    phone.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    expect(phone.get_by_text("not enrolled")).to_be_visible(timeout=WAIT_MS)
    assert not FaceTemplate.objects.exists()


def test_without_a_network_or_an_engine_the_face_says_so(
    phone: Page, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    FleetPolicy.objects.filter(provider=driver.provider).update(face_check="always")
    log_in(phone, driver)
    phone.get_by_role("link", name="Enrol your face").click(timeout=WAIT_MS)
    expect(phone.get_by_role("button", name="Enrol my face")).to_be_enabled(timeout=WAIT_MS)
    monkeypatch.setattr(PaintedFaces, "is_down", True)
    enrol_on(phone, *(painted(1, take) for take in (1, 2, 3)))
    down = phone.get_by_text("Faces cannot be compared at the moment.")
    expect(down).to_be_visible(timeout=WAIT_MS)
    phone.evaluate("navigator.serviceWorker.ready.then(() => 1)")
    phone.context.set_offline(True)
    phone.reload()
    expect(phone.get_by_text("This needs a network.")).to_be_visible(timeout=WAIT_MS)
    expect(phone.get_by_role("button", name="Enrol my face")).to_be_disabled()
    phone.context.set_offline(False)


def test_who_is_asked_for_no_face_sees_nothing_of_it(page: Page) -> None:
    page.evaluate("location.hash = 'more'")
    expect(page.get_by_role("heading", name="Language")).to_be_visible(timeout=WAIT_MS)
    page.wait_for_load_state("networkidle")
    expect(page.get_by_text("Your face")).to_have_count(0)


def selfie(content: bytes) -> Any:
    return {"name": "me.png", "mimeType": "image/png", "buffer": content}


def enrol_on(phone: Page, *photos: bytes) -> None:
    """Agree, hand in the photos and send."""
    phone.get_by_label("I have read this and agree.").check()
    for number, photo in enumerate(photos, 1):
        phone.get_by_label(f"Photo {number} of 3").set_input_files(selfie(photo))
    phone.get_by_role("button", name="Enrol my face").click()


def fits(phone: Page) -> None:
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    assert phone.evaluate(SMALL) == phone.evaluate(UNNAMED) == []


def test_a_second_factor_that_comes_too_late_says_so(
    phone: Page, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, me = clock.now(), Actor("user", driver.user_id, driver.provider_id)
    secret = base64.b32decode(second_factor.begin(driver.user, actor=me).secret)
    first = f"{hotp(secret, int(at.timestamp()) // 30):06d}"
    second_factor.confirm(driver.user, first, actor=me, family=None, at=at)
    log_in(phone, driver)
    code = phone.get_by_label("Code of your authenticator app")
    code.fill("123456")
    monkeypatch.setattr(challenges, "GOOD_FOR_S", -1)
    phone.get_by_role("button", name="Log in", exact=True).click()
    expect(phone.get_by_text("This took too long: log in once more.")).to_be_visible()
    expect(phone.get_by_label("Password")).to_be_visible()


def test_a_shift_that_was_started_without_a_network_is_there_when_it_is_back(
    page: Page, driver: Driver
) -> None:
    page.evaluate("navigator.serviceWorker.ready.then(() => 1)")
    page.context.set_offline(True)
    page.reload()
    expect(page.locator("#line")).to_contain_text("No network", timeout=WAIT_MS)
    page.get_by_role("button", name="Start the shift").click()
    expect(page.locator("#line")).to_contain_text("1 to be sent", timeout=WAIT_MS)
    expect(page.get_by_text("not sent yet")).to_be_visible()
    pressed_at = clock.now()
    assert not driver.shifts.exists()
    page.reload()
    expect(page.get_by_text("not sent yet")).to_be_visible(timeout=WAIT_MS)
    page.context.set_offline(False)
    expect(page.get_by_text("not sent yet")).to_be_hidden(timeout=WAIT_MS)
    expect(page.get_by_role("button", name="Take a break")).to_be_visible()
    shift = driver.shifts.get()
    assert (shift.status, shift.starts_at < pressed_at) == ("active", True)


def test_every_screen_fits_a_small_phone_and_a_thumb(page: Page) -> None:
    for screen in ("today", "bookings", "money", "papers", "chat", "more", "queue", "face"):
        page.evaluate("name => { location.hash = name }", screen)
        expect(page.locator("main .card").first).to_be_visible(timeout=WAIT_MS)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, screen
        assert page.evaluate(SMALL) == [], screen
        assert page.evaluate(UNNAMED) == [], screen


SMALL = """[...document.querySelectorAll("a, button, input, select, textarea")]
    .filter((each) => each.offsetParent !== null)
    .filter((each) => each.getBoundingClientRect().height < 44)
    .map((each) => each.outerHTML)"""

UNNAMED = """[...document.querySelectorAll("input, select, textarea")]
    .filter((each) => each.labels.length !== 1)
    .map((each) => each.outerHTML)"""


def test_a_driver_books_a_charger_and_is_told_what_is_free_next(
    page: Page, driver: Driver, office: Cast
) -> None:
    yard = make_station(office, chargers=1, reservation_grid_min=30)
    page.evaluate("location.hash = 'bookings'")
    page.get_by_label("How long").select_option("60")
    page.get_by_role("button", name="Show free times").click()
    times = page.locator(".times button")
    expect(times.nth(9)).to_be_visible(timeout=WAIT_MS)
    taken = offers(yard, None, clock.now(), minutes=60, at=clock.now())[4]
    book(office, yard, office.other_vehicle, starts_at=taken.starts_at, ends_at=taken.ends_at)
    times.nth(4).click()
    page.get_by_role("dialog").get_by_role("button", name="Book").click()
    expect(page.get_by_text("Free next:")).to_be_visible(timeout=WAIT_MS)
    times.first.click()
    expect(page.get_by_text("Free next:")).to_be_hidden(timeout=WAIT_MS)
    times.first.click()
    page.get_by_role("dialog").get_by_role("button", name="Book").click()
    expect(page.get_by_text("Charger booked")).to_be_visible(timeout=WAIT_MS)
    mine = Reservation.objects.get(driver=driver)
    assert (mine.vehicle_id, mine.kind) == (office.vehicle.pk, "driver")
    assert mine.starts_at == taken.ends_at
    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.get_by_role("button", name="Show free times")).to_be_disabled(timeout=WAIT_MS)
    expect(page.get_by_text("Booking needs a network")).to_be_visible()
    page.context.set_offline(False)


def test_a_booking_that_is_in_use_is_shown_and_no_more_to_be_called_off(
    page: Page, driver: Driver, office: Cast
) -> None:
    now = clock.now().replace(second=0, microsecond=0)
    values = {"starts_at": now, "ends_at": now + timedelta(hours=1), "driver": driver}
    book(office, make_station(office, chargers=1), office.vehicle, **values)
    page.evaluate("location.hash = 'bookings'")
    page.reload()
    here = page.get_by_role("button", name="I am here")
    expect(here).to_be_visible(timeout=WAIT_MS)
    page.context.set_offline(True)
    here.click()
    for said in ("in use", "not sent yet"):
        expect(page.locator("main").get_by_text(said)).to_be_visible(timeout=WAIT_MS)
    page.context.set_offline(False)
    expect(page.locator("main").get_by_text("not sent yet")).to_be_hidden(timeout=WAIT_MS)
    expect(page.locator("main").get_by_text("in use")).to_be_visible()
    expect(page.get_by_role("button", name="Call it off")).to_be_hidden()
    assert Reservation.objects.get(driver=driver).status == "fulfilled"


def test_files_of_a_message_are_named_and_opened(page: Page, driver: Driver, office: Cast) -> None:
    talk = conversation(driver, "Where is the plug?")
    staff = Actor("user", office.support.pk, driver.provider_id)
    author = chat_services.Author.staff(office.support.pk)
    sent = [
        chat_services.hand_in_attachment(talk, actor=staff, author=author, file=file).pk
        for file in (
            Prepared(jpeg(), "image/jpeg", "plug.jpg"),
            Prepared(b"%PDF-1.7", "application/pdf", "way.pdf"),
        )
    ]
    chat_services.post_message(talk, actor=staff, author=author, attachments=sent)
    page.evaluate("id => { location.hash = `chat/${id}` }", talk.pk)
    photo = page.get_by_role("button", name="plug.jpg")
    photo.click(timeout=WAIT_MS)
    picture = page.get_by_role("img", name="plug.jpg")
    expect(picture).to_be_visible(timeout=WAIT_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    with page.expect_download() as saved:
        page.get_by_role("button", name="way.pdf").click()
    assert saved.value.suggested_filename == "way.pdf"
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_load_state("networkidle")
    expect(picture).to_be_visible()


def test_log_out_leaves_nothing_in_the_browser(page: Page) -> None:
    page.evaluate("location.hash = 'more'")
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("dialog").get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible(timeout=WAIT_MS)
    assert page.evaluate(LEFT) == {"session": 0, "kept": 0, "queue": 0}
    assert page.evaluate("Object.keys(localStorage).length") == 0


LEFT = """new Promise((resolve) => {
    indexedDB.open("voltop-driver").onsuccess = async ({ target }) => {
        const found = {};
        for (const name of ["session", "kept", "queue"]) {
            found[name] = await new Promise((counted) => {
                const asked = target.result.transaction(name).objectStore(name).count();
                asked.onsuccess = () => counted(asked.result);
            });
        }
        resolve(found);
    };
})"""


def test_what_was_done_for_one_company_never_goes_to_another(
    phone: Page, driver: Driver, office: Cast
) -> None:
    other = driver_at(office, office.b, driver)
    log_in(phone, driver)
    phone.get_by_role("button", name=office.a.name).click()
    expect(phone.get_by_role("button", name="Start the shift")).to_be_enabled(timeout=WAIT_MS)
    show(phone, "papers")
    phone.context.set_offline(True)
    show(phone, "chat")
    phone.get_by_label("Message").fill("For Alba alone")
    phone.get_by_role("button", name="Send").click()
    expect(phone.locator("#line")).to_contain_text("1 to be sent", timeout=WAIT_MS)
    change_to(phone, office.b.name)
    expect(phone.get_by_text("No network. Try again")).to_be_visible(timeout=WAIT_MS)
    show(phone, "queue")
    expect(phone.get_by_text(f"· {office.a.name}")).to_be_visible(timeout=WAIT_MS)
    phone.context.set_offline(False)
    expect(phone.locator("#line")).not_to_contain_text("to be sent", timeout=WAIT_MS)
    assert driver.conversations.get().provider_id == office.a.pk
    assert not other.conversations.exists()
    show(phone, "more")
    expect(phone.get_by_text(office.b.name)).to_be_visible(timeout=WAIT_MS)


def driver_at(office: Cast, provider: FleetProvider, driver: Driver) -> Driver:
    """The same person, driving for another company as well."""
    actor = office.actor(provider)
    values = {"given_name": "Dora", "family_name": "Driver", "email": driver.user.email}
    other = driver_services.invite_driver(provider, actor=actor, **values)
    other = driver_services.onboard_driver(other, actor=actor)
    return driver_services.activate_driver(other, actor=actor)


def show(page: Page, screen: str) -> None:
    page.evaluate("name => { location.hash = name }", screen)


def change_to(page: Page, company: str) -> None:
    show(page, "more")
    page.get_by_role("button", name="Another company").click()
    page.get_by_role("button", name=company).click()
