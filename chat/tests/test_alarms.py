"""Calls for help: who is paged when, until somebody acknowledges. The clock is moved by hand."""

import os
import signal
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from chat import services
from chat.errors import AlreadyOnCall
from chat.models import (
    ALARM_MACHINE,
    PAGE_MACHINE,
    Alarm,
    AlarmStatus,
    Conversation,
    OnCall,
    Page,
    PageStatus,
)
from chat.tests.test_conversations import answer, ask, driver_actor, said
from fleets import services as fleet_services
from fleets.errors import InvalidPosition, NotAssignable
from fleets.models import InboxItem, Membership, Notice, NoticeDelivery
from fleets.services import inbox, notices
from fleets.tests.hooks import in_child
from voltop import failpoints
from voltop.context import Actor
from voltop.errors import IllegalMove
from voltop.tables import OutboxMessage
from voltop.tests.cast import Cast
from voltop.tests.parallel import at_once

T0 = datetime(2026, 6, 20, 1, 30, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def put(cast, role: str, position: int) -> OnCall:
    user = cast.person(cast.a, role)
    return services.put_on_call(cast.a, actor=cast.actor(), user=user, position=position)


@pytest.fixture
def three(cast) -> list[str]:
    """Three people on call, as they are called."""
    for position, role in ((2, "dispatcher"), (1, "support"), (3, "manager")):
        put(cast, role, position)
    return ["support", "dispatcher", "manager"]


def sos(cast, at: datetime = T0, **values) -> Alarm:
    driver = cast.driver
    return services.call_for_help(driver, actor=driver_actor(driver), at=at, **values)


def pages(alarm: Alarm) -> list[tuple[int, str, str]]:
    rows = Page.objects.filter(alarm=alarm).order_by("number").select_related("user")
    return [(row.number, row.user.email.partition("@")[0], row.status) for row in rows]


def acting(cast, role: str) -> Actor:
    return Actor("user", cast.person(cast.a, role).pk, cast.a.pk)


# --- Who is called, when -------------------------------------------------------------------------
def test_the_next_person_is_called_every_two_minutes_and_after_the_last_the_first(cast, three):
    alarm = sos(cast)
    assert pages(alarm) == [(1, "support", "waiting")]
    assert services.page_due(at=after(1.99)) == 0
    assert [services.page_due(at=after(n)) for n in (2, 2.1, 4, 6)] == [1, 0, 1, 1]
    assert pages(alarm) == [
        (1, "support", "passed_on"),
        (2, "dispatcher", "passed_on"),
        (3, "manager", "passed_on"),
        (4, "support", "waiting"),
    ]
    told = Notice.objects.filter(kind="chat.help_needed", about_id=alarm.pk).order_by("id")
    called = [notice.user.email.partition("@")[0] for notice in told]
    assert called == [*three, "support"]


def test_nobody_is_called_after_somebody_acknowledged(cast, three):
    alarm = sos(cast)
    services.page_due(at=after(2))
    done = services.acknowledge(alarm, actor=acting(cast, "support"), at=after(3))
    assert (done.status, done.acknowledged_by, done.next_page_at) == (
        "acknowledged", cast.support, None,
    )  # fmt: skip
    assert pages(alarm) == [(1, "support", "acknowledged"), (2, "dispatcher", "called_off")]
    assert services.page_due(at=after(60)) == 0


def test_the_second_to_acknowledge_hears_that_another_was_first(cast, three):
    alarm = sos(cast)
    services.acknowledge(alarm, actor=acting(cast, "support"), at=after(1))
    again = services.acknowledge(alarm, actor=acting(cast, "support"), at=after(2))
    assert again.acknowledged_at == after(1)
    with pytest.raises(IllegalMove):
        services.acknowledge(alarm, actor=acting(cast, "manager"), at=after(2))


def test_after_an_outage_it_goes_on_with_one_person(cast, three):
    alarm = sos(cast)
    assert services.page_due(at=after(60)) == 1
    assert services.page_due(at=after(60.5)) == 0
    assert pages(alarm)[-1] == (2, "dispatcher", "waiting")


def test_while_nobody_is_on_call_owners_are(cast):
    assert cast.manager
    assert pages(sos(cast)) == [(1, "owner", "waiting")]


def test_who_left_the_company_is_not_called(cast, three):
    seat = Membership.objects.get(user=cast.support, ended_at=None)
    fleet_services.end_membership(seat, actor=cast.actor())
    services.take_off_call(OnCall.objects.get(user=cast.dispatcher), actor=cast.actor())
    assert pages(sos(cast)) == [(1, "manager", "waiting")]


def test_a_page_leaves_at_night_before_all_else_and_whatever_was_chosen(cast, three):
    person = cast.support
    type(person).objects.filter(pk=person.pk).update(email_verified_at=T0)
    person.refresh_from_db()
    quiet = {"channels": [], "quiet_from": time(0), "quiet_until": time(23, 59)}
    notices.choose(person, actor=acting(cast, "support"), values=quiet)
    sos(cast)
    delivery = NoticeDelivery.objects.get(notice__kind="chat.help_needed")
    message = OutboxMessage.objects.get(payload={"delivery": delivery.pk})
    assert message.lane == f"notices:email:first:{person.pk}"
    assert message.next_at <= message.created_at


# --- What makes an alarm -------------------------------------------------------------------------
def test_help_is_called_in_the_driver_s_language_with_the_place(cast):
    type(cast.driver).objects.filter(pk=cast.driver.pk).update(language="es")
    cast.driver.refresh_from_db()
    alarm = sos(cast, latitude=Decimal("19.4"), longitude=Decimal("-99.1"))
    assert said(alarm.conversation) == [(1, "driver", "Necesito ayuda ahora.")]
    assert (alarm.cause, alarm.conversation.priority) == ("sos", "urgent")
    assert (alarm.latitude, alarm.longitude) == (Decimal("19.4"), Decimal("-99.1"))
    with pytest.raises(InvalidPosition):
        sos(cast, latitude=Decimal("19.4"))


def test_calling_again_rings_on_with_the_newer_place(cast, three):
    alarm = sos(cast)
    again = sos(cast, after(1), latitude=Decimal(1), longitude=Decimal(2))
    assert (again.pk, again.latitude) == (alarm.pk, Decimal(1))
    assert pages(alarm) == [(1, "support", "waiting")]
    assert alarm.conversation.messages.count() == 2


def test_the_same_call_sent_twice_is_one_also_after_somebody_came(cast, three):
    alarm = sos(cast, client_id="c1")
    assert sos(cast, after(1), client_id="c1").pk == alarm.pk
    services.acknowledge(alarm, actor=acting(cast, "support"), at=after(2))
    assert sos(cast, after(3), client_id="c1").pk == alarm.pk
    assert alarm.conversation.messages.count() == 1
    anew = sos(cast, after(4), client_id="c2")
    assert anew.pk != alarm.pk
    assert pages(anew) == [(1, "support", "waiting")]


def test_an_accident_that_a_driver_tells_of_is_an_alarm_once(cast, three):
    conversation = ask(cast.driver, "I hit a post", topic="accident")
    alarm = Alarm.objects.get()
    assert (alarm.cause, alarm.conversation_id) == ("accident", conversation.pk)
    ask(cast.driver, "Nobody is hurt", topic="accident")
    answer(cast, conversation)
    alarm.refresh_from_db()
    assert (alarm.status, alarm.acknowledged_by) == ("acknowledged", cast.owner)
    ask(cast.driver, "Thank you", topic="accident")
    assert Alarm.objects.count() == 1
    services.resolve(conversation, actor=cast.actor())
    ask(cast.driver, "It happened again", topic="accident")
    assert Alarm.objects.filter(status="ringing").count() == 1


def test_other_matters_and_what_staff_begin_ring_nobody(cast):
    ask(cast.driver, "Where is my pay?")
    services.open_conversation(
        cast.other_driver,
        actor=cast.actor(),
        author=services.Author.staff(cast.owner.pk),
        topic="accident",
        body="Your insurance has answered.",
    )
    assert not Alarm.objects.exists()


def test_settling_the_matter_ends_the_ringing(cast, three):
    alarm = sos(cast)
    services.resolve(alarm.conversation, actor=acting(cast, "manager"), at=after(1))
    alarm.refresh_from_db()
    assert (alarm.status, alarm.acknowledged_by) == ("acknowledged", cast.manager)


def test_it_stands_in_the_inbox_while_it_rings(cast, three):
    alarm = sos(cast)
    inbox.refresh()
    item = InboxItem.objects.get(kind="chat.help", object_id=alarm.pk)
    assert (item.urgency, item.closed_at) == ("now", None)
    services.acknowledge(alarm, actor=acting(cast, "support"))
    inbox.refresh()
    item.refresh_from_db()
    assert item.closed_at is not None


# --- States --------------------------------------------------------------------------------------
def test_an_alarm_moves_as_the_table_says(cast):
    assert {state: set(to) for state, to in ALARM_MACHINE.moves.items()} == {
        "ringing": {"acknowledged"},
        "acknowledged": set(),
    }
    alarm = sos(cast)
    services.acknowledge(alarm, actor=cast.actor())
    moves = list(alarm.events.values_list("from_state", "to_state"))
    assert moves == [("", "ringing"), ("ringing", "acknowledged")]


PAGES = {
    "waiting": {"passed_on", "acknowledged", "called_off"},
    "passed_on": {"acknowledged"},
    "acknowledged": set(),
    "called_off": set(),
}


def test_a_page_moves_as_the_table_says(cast):
    page = Page.objects.get(alarm=sos(cast))
    move = {"actor": cast.actor(), "at": T0, "ended_at": T0}
    for state, to in product(PAGES, PAGES):
        ended_at = None if state == "waiting" else T0
        Page.objects.filter(pk=page.pk).update(status=state, ended_at=ended_at)
        if to in PAGES[state]:
            PAGE_MACHINE.move(page, PageStatus(to), **move)
        else:
            with pytest.raises(IllegalMove):
                PAGE_MACHINE.move(page, PageStatus(to), **move)
        page.refresh_from_db()
        assert page.status == (to if to in PAGES[state] else state)


def test_the_database_lets_one_alarm_of_a_conversation_ring(cast):
    alarm = sos(cast)
    with pytest.raises(IntegrityError, match="one_rings"), transaction.atomic():
        Alarm.objects.create(
            provider=cast.a,
            conversation=alarm.conversation,
            cause="sos",
            raised_at=T0,
            next_page_at=T0,
        )


# --- On call -------------------------------------------------------------------------------------
def test_only_who_answers_drivers_is_on_call_and_once(cast):
    entry = put(cast, "support", 1)
    with pytest.raises(AlreadyOnCall):
        put(cast, "support", 2)
    for person in (cast.viewer, cast.outsider, cast.driver.user):
        with pytest.raises(NotAssignable):
            services.put_on_call(cast.a, actor=cast.actor(), user=person)
    services.take_off_call(entry, actor=cast.actor())
    assert put(cast, "support", 2).ended_at is None


# --- Two workers, a killed one -------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_two_workers_call_the_next_person_once():
    cast = Cast()
    put(cast, "support", 1)
    alarm = sos(cast)
    assert sum(at_once([lambda: services.page_due(at=after(2))] * 2)) == 1
    assert [number for number, *_ in pages(alarm)] == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_a_call_and_its_acknowledgement_at_once_leave_nobody_waiting():
    cast = Cast()
    put(cast, "support", 1)
    alarm, actor = sos(cast), acting(cast, "support")
    at_once(
        [
            lambda: services.page_due(at=after(2)),
            lambda: services.acknowledge(alarm, actor=actor, at=after(2)),
        ]
    )
    alarm.refresh_from_db()
    assert alarm.status == AlarmStatus.ACKNOWLEDGED
    assert not Page.objects.filter(alarm=alarm, status=PageStatus.WAITING).exists()


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_it_pages_leaves_the_page_to_the_next():
    cast = Cast()
    put(cast, "support", 1)
    alarm = sos(cast)

    def die() -> None:
        os.environ[failpoints.VARIABLE] = "chat.paged"
        services.page_due(at=after(2))

    child = in_child(die)
    child.join(30)
    assert child.exitcode == -signal.SIGKILL
    assert len(pages(alarm)) == 1
    assert services.page_due(at=after(2)) == 1
    assert services.page_due(at=after(2)) == 0
    assert pages(alarm) == [(1, "support", "passed_on"), (2, "support", "waiting")]
    assert Notice.objects.filter(kind="chat.help_needed").count() == 2


# --- Through the API and the admin ---------------------------------------------------------------
def test_a_driver_calls_and_sees_that_somebody_has_it(cast, api, client):
    put(cast, "support", 1)
    driver, support = api(cast.driver.user), api(cast.support)
    made = driver.post("/api/v1/me/sos", {"latitude": 19.4, "longitude": -99.1}, format="json")
    assert made.status_code == 201, made.json()
    assert driver.post("/api/v1/me/sos").json()["id"] == made.json()["id"]
    path = f"/api/v1/alarms/{made.json()['id']}"
    assert [page["status"] for page in support.get(path).json()["pages"]] == ["waiting"]
    client.force_login(cast.support)
    page = client.get(reverse("admin:chat_alarm_change", args=(made.json()["id"],)))
    assert b"19.40000, -99.10000" in page.content
    assert support.post(f"{path}/acknowledge").json()["acknowledged_by"] == cast.support.pk
    [own] = driver.get("/api/v1/me/sos").json()["results"]
    assert (own["status"], "acknowledged_by" in own) == ("acknowledged", False)
    assert api(cast.other_driver.user).get("/api/v1/me/sos").json()["results"] == []
    assert Conversation.objects.get().topic == "accident"
