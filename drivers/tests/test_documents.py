"""Papers: every (state, move) pair, what a new day does to them, and when they make active."""

from datetime import UTC, date, datetime, timedelta

import pytest

from drivers import services
from drivers.errors import (
    DocumentRunOut,
    DriverNotActive,
    InvalidDocumentDates,
    OwnDocument,
    PapersMissing,
)
from drivers.models import DriverDocument
from drivers.tests.papers import NOON, PICTURE, TODAY, approved, demand, hand_in
from fleets import audit
from fleets.errors import UnknownCountry
from fleets.models import AuditEntry, Notice
from voltop import crypto, files
from voltop.context import Actor
from voltop.errors import IllegalMove, NotFound, ReasonRequired

pytestmark = pytest.mark.django_db


def expire(document, *, actor, reason):
    """A last day that has passed, found by the calendar."""
    DriverDocument.objects.filter(pk=document.pk).update(expires_on=TODAY - timedelta(days=1))
    services.follow_calendars(NOON)
    document.refresh_from_db()
    if document.status != "expired":
        raise IllegalMove(state=document.status, to="expired", allowed=[])
    return document


def clear_last_day(document, *, actor, reason):
    services.correct_document(document, actor=actor, expires_on=None, at=NOON)
    document.refresh_from_db()
    if document.status != "approved" or document.events.last().from_state != "expired":
        raise IllegalMove(state=document.status, to="approved", allowed=[])
    return document


MOVES = {
    "approve": lambda d, actor, reason: services.approve_document(d, actor=actor, at=NOON),
    "reject": lambda d, actor, reason: services.reject_document(
        d, actor=actor, reason=reason, at=NOON
    ),
    "expire": expire,
    "clear": clear_last_day,
}
TABLE = {
    "pending": {"approve": "approved", "reject": "rejected"},
    "approved": {"reject": "rejected", "expire": "expired"},
    "expired": {"clear": "approved"},
    "rejected": {},
}
PATHS = {
    "pending": [],
    "approved": ["approve"],
    "expired": ["approve", "expire"],
    "rejected": ["reject"],
}


def document_in(cast, state):
    document = hand_in(cast, cast.driver, expires_on=TODAY)
    for move in PATHS[state]:
        document = MOVES[move](document, actor=cast.actor(), reason="scene")
    assert document.status == state
    return document


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("move", MOVES)
def test_a_paper_moves_as_the_table_says(cast, state, move):
    document = document_in(cast, state)
    if move == "expire" and state == "expired":
        return  # the calendar finds nothing to do
    events, expected = document.events.count(), TABLE[state].get(move)
    if expected is None:
        with pytest.raises(IllegalMove):
            MOVES[move](document, actor=cast.actor(), reason="because")
        document.refresh_from_db()
        assert (document.status, document.events.count()) == (state, events)
        return
    moved = MOVES[move](document, actor=cast.actor(), reason="because")
    event = moved.events.last()
    assert (moved.status, event.from_state, event.to_state) == (expected, state, expected)
    assert (moved.refusal == "because") == (move == "reject")


def test_rejecting_needs_a_reason_and_tells_it(cast):
    document = hand_in(cast, cast.driver)
    with pytest.raises(ReasonRequired):
        services.reject_document(document, actor=cast.actor(), reason=" ")
    services.reject_document(document, actor=cast.actor(), reason="The photo is blurred")
    told = Notice.objects.get(kind="drivers.document_rejected")
    assert (told.user_id, told.params["reason"]) == (cast.driver.user_id, "The photo is blurred")


def test_nobody_judges_their_own_papers(cast):
    document = hand_in(cast, cast.driver)
    own = Actor("user", cast.driver.user_id, cast.a.pk)
    for call in (
        lambda: services.approve_document(document, actor=own),
        lambda: services.reject_document(document, actor=own, reason="x"),
        lambda: services.correct_document(document, actor=own, expires_on=None, country="MX"),
    ):
        with pytest.raises(OwnDocument):
            call()
    with pytest.raises(NotFound):
        services.approve_document(document, actor=cast.actor(cast.b))


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"country": "XX"}, UnknownCountry),
        ({"issued_on": TODAY + timedelta(days=1)}, InvalidDocumentDates),
        ({"issued_on": TODAY, "expires_on": TODAY}, InvalidDocumentDates),
        ({"expires_on": TODAY - timedelta(days=1)}, DocumentRunOut),
    ],
)
def test_what_cannot_stand_on_a_paper_is_refused(cast, values, error):
    with pytest.raises(error):
        hand_in(cast, cast.driver, **values)
    assert not files.StoredFile.objects.exists()


def test_somebody_who_has_left_hands_in_nothing(cast):
    driver = cast.new_driver("Mona", active=False)
    services.terminate_driver(driver, actor=cast.actor(), reason="never came")
    driver.refresh_from_db()
    with pytest.raises(DriverNotActive):
        hand_in(cast, driver)


# --- Numbers -------------------------------------------------------------------------------------
def test_a_number_is_sealed_masked_and_void_with_the_person(cast):
    document = hand_in(cast, cast.driver, number="LIC-004217")
    assert document.number_mask == "•••• 217"
    assert b"004217" not in bytes(document.number_sealed)
    assert services.number_of(document, actor=cast.actor()) == "LIC-004217"
    with pytest.raises(NotFound):
        services.number_of(document, actor=cast.actor(cast.b))
    crypto.destroy(f"drivers.driver:{cast.driver.pk}", cast.a.pk)
    with pytest.raises(crypto.KeyDestroyed):
        services.number_of(document, actor=cast.actor())


def test_a_corrected_number_is_audited_for_those_who_may_look(cast):
    document = hand_in(cast, cast.driver, number="LIC-004217")
    services.correct_document(document, actor=cast.actor(), number="LIC-004218", country="MX")
    entry = AuditEntry.objects.get(action="driver_document.corrected")
    assert audit.shown(entry) == {"number": ["•", "•"], "country": ["", "MX"]}
    assert audit.reveal(entry, actor=cast.actor())["number"] == ["LIC-004217", "LIC-004218"]
    document.refresh_from_db()
    assert services.number_of(document, actor=cast.actor()) == "LIC-004218"
    services.correct_document(document, actor=cast.actor(), number="LIC-004218")
    assert AuditEntry.objects.filter(action="driver_document.corrected").count() == 1


def test_who_looks_at_a_paper_is_audited_unless_it_is_their_own(cast):
    document = hand_in(cast, cast.driver)
    services.open_file(document, actor=Actor("user", cast.driver.user_id, cast.a.pk))
    assert not AuditEntry.objects.filter(action="driver_document.seen").exists()
    found = services.open_file(document, actor=cast.actor())
    assert files.read(found) == PICTURE.content
    assert AuditEntry.objects.get(action="driver_document.seen").object_id == str(document.pk)


# --- The calendar --------------------------------------------------------------------------------
def test_a_paper_is_valid_through_the_local_end_of_its_last_day(cast):
    """Mexico City is six hours behind: its 10 December ends at 6 o'clock UTC on the 11th."""
    demand(cast.a, "driving_licence")
    document = approved(cast, cast.driver, expires_on=TODAY)
    last, first = (datetime(2026, 12, 11, *time, tzinfo=UTC) for time in ((5, 59, 59), (6,)))
    services.follow_calendars(last)
    document.refresh_from_db()
    assert document.status == "approved"
    services.require_papers(cast.driver, ["driving_licence"], TODAY)
    services.follow_calendars(first)
    document.refresh_from_db()
    assert document.status == "expired"
    told = Notice.objects.get(kind="drivers.document_expired")
    assert told.params == {"paper": "driving_licence", "expired_on": "2026-12-10"}
    with pytest.raises(PapersMissing) as missing:
        services.require_papers(cast.driver, ["driving_licence"], TODAY + timedelta(days=1))
    [paper] = missing.value.extra["papers"]
    assert paper == {"kind": "driving_licence", "state": "expired", "expires_on": "2026-12-10"}


def test_a_wrong_last_day_is_cleared_and_set(cast):
    document = approved(cast, cast.driver, expires_on=TODAY)
    tomorrow = NOON + timedelta(days=1)
    services.follow_calendars(tomorrow)
    document = services.correct_document(document, actor=cast.actor(), expires_on=None, at=tomorrow)
    assert (document.status, document.expires_on) == ("approved", None)
    gone = services.correct_document(document, actor=cast.actor(), expires_on=TODAY, at=tomorrow)
    assert gone.status == "expired"


def test_a_day_is_done_once_and_again_only_what_was_not(cast):
    approved(cast, cast.driver, expires_on=TODAY + timedelta(days=7))
    assert services.follow_calendars(NOON) == 1
    assert services.follow_calendars(NOON) == 0
    assert Notice.objects.filter(kind="drivers.document_expiring").count() == 1


@pytest.mark.parametrize(
    ("left", "told"),
    [(31, []), (30, [30]), (12, [30]), (8, [30]), (7, [7]), (2, [7]), (1, [1]), (0, [1])],
)
def test_a_reminder_belongs_to_the_days_that_are_left(cast, left, told):
    until = TODAY + timedelta(days=left)
    approved(cast, cast.driver, expires_on=until)
    services.follow_calendars(NOON)
    keys = Notice.objects.filter(kind="drivers.document_expiring").values_list("key", flat=True)
    assert [key.rpartition(":")[2] for key in keys] == [str(days) for days in told]


def test_reminders_come_at_30_7_and_1_days_once_each_whatever_day_was_missed(cast):
    until = TODAY + timedelta(days=31)
    document = approved(cast, cast.driver, expires_on=until)
    for days in range(32):
        if days not in (1, 24):  # on two of the days nobody rang
            services.follow_calendars(NOON + timedelta(days=days))
    told = list(Notice.objects.filter(kind="drivers.document_expiring").order_by("id"))
    assert [(until - row.at.date()).days for row in told] == [29, 6, 1]
    assert {row.about_id for row in told} == {document.pk}


def test_a_paper_that_is_renewed_in_time_is_not_reminded_of(cast):
    approved(cast, cast.driver, expires_on=TODAY + timedelta(days=5))
    approved(cast, cast.driver, expires_on=date(2030, 1, 1))
    services.follow_calendars(NOON)
    assert not Notice.objects.filter(kind="drivers.document_expiring").exists()


# --- Becoming active -----------------------------------------------------------------------------
def onboarding(cast):
    driver = cast.new_driver("Mona", active=False)
    return services.onboard_driver(driver, actor=cast.actor(), at=NOON)


def status_of(driver) -> str:
    driver.refresh_from_db()
    return driver.status


def test_the_last_demanded_paper_makes_active(cast):
    demand(cast.a, "driving_licence", "national_id")
    driver = onboarding(cast)
    approved(cast, driver)
    approved(cast, driver, "medical_certificate")
    assert status_of(driver) == "onboarding"
    approved(cast, driver, "national_id")
    assert status_of(driver) == "active"
    event = driver.events.last()
    assert (event.to_state, event.actor) == ("active", f"user:{cast.owner.pk}")
    assert Notice.objects.get(kind="drivers.activated").user_id == driver.user_id


def test_papers_approved_before_the_answer_count_with_it(cast):
    demand(cast.a, "driving_licence")
    driver = cast.new_driver("Mona", active=False)
    approved(cast, driver)
    assert status_of(driver) == "invited"
    services.onboard_driver(driver, actor=cast.actor(), at=NOON)
    assert status_of(driver) == "active"


def test_where_nothing_is_demanded_staff_activate(cast):
    driver = onboarding(cast)
    approved(cast, driver)
    services.follow_calendars(NOON)
    assert status_of(driver) == "onboarding"
    services.activate_driver(driver, actor=cast.actor())
    assert status_of(driver) == "active"


def test_whoever_lacks_nothing_since_less_is_demanded_becomes_active_with_the_day(cast):
    demand(cast.a, "driving_licence", "national_id")
    driver = onboarding(cast)
    approved(cast, driver)
    demand(cast.a, "driving_licence")
    services.follow_calendars(NOON)
    assert status_of(driver) == "active"


def test_a_suspended_driver_stays_so_whatever_is_approved(cast):
    demand(cast.a, "driving_licence")
    services.suspend_driver(cast.driver, actor=cast.actor(), reason="complaints")
    approved(cast, cast.driver)
    assert status_of(cast.driver) == "suspended"
