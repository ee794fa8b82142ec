"""When answers are due, who is told, and what ends by itself: a Berlin desk, by its own clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from chat import services
from chat.errors import PolicyWrong, SlaPolicyExists
from chat.models import Conversation, SlaPolicy
from chat.tests.test_conversations import driver_actor
from fleets.errors import InvalidOpeningHours
from fleets.models import InboxItem, Notice
from fleets.services import inbox
from voltop.clock import WEEKDAYS
from voltop.context import Actor
from voltop.tests.parallel import at_once

BERLIN = ZoneInfo("Europe/Berlin")
DESK = {day: [["08:00", "13:00"], ["14:00", "18:00"]] for day in WEEKDAYS[:5]}
RULES = {
    "opening_hours": DESK,
    "urgent_first_min": 10,
    "high_first_min": 30,
    "normal_first_min": 120,
    "normal_next_min": 20,
    "warn_min": 15,
    "resolve_after_days": 7,
    "resolve_notice_days": 2,
}


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


WEDNESDAY = local("2026-06-17 09:00")


class Desk:
    """Company B (Germany) with its support rules, and what people there do at a time."""

    def __init__(self, cast) -> None:
        self.cast, self.company = cast, cast.b
        self.actor = cast.actor(cast.b)
        self.support = cast.person(cast.b, "support")
        self.driver = cast.foreign_driver
        self.rules = services.create_policy(cast.b, actor=self.actor, **RULES)

    def ask(self, at: datetime, body="Where is my pay?", **values) -> Conversation:
        return services.open_conversation(
            self.driver,
            actor=driver_actor(self.driver),
            author=services.Author.driver(self.driver.user_id),
            **{"topic": "pay"} | values,
            body=body,
            at=at,
        )

    def answer(self, conversation: Conversation, at: datetime) -> Conversation:
        author = services.Author.staff(self.support.pk)
        actor = Actor("user", self.support.pk, self.company.pk)
        services.post_message(conversation, actor=actor, author=author, body="Soon.", at=at)
        conversation.refresh_from_db()
        return conversation

    def told(self, kind: str) -> list[str]:
        """Who was told of it, in order."""
        told = Notice.objects.filter(kind=f"chat.{kind}").order_by("id")
        return [notice.user.email for notice in told.select_related("user")]


@pytest.fixture
def desk(cast) -> Desk:
    return Desk(cast)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


# --- When ----------------------------------------------------------------------------------------
DUE = {
    "2026-06-17 09:00": "2026-06-17 11:00",
    "2026-06-17 12:00": "2026-06-17 15:00",
    "2026-06-17 22:00": "2026-06-18 10:00",
    "2026-06-19 17:00": "2026-06-22 09:00",
    "2026-12-24 17:00": "2026-12-28 09:00",
    "2026-03-27 17:00": "2026-03-30 09:00",
}


def test_the_first_answer_is_due_after_so_much_of_the_desk_s_time(desk):
    for asked, due in DUE.items():
        conversation = desk.ask(local(asked))
        assert conversation.due_at == conversation.first_response_due_at == local(due)
        assert conversation.waiting_since == local(asked)
        services.resolve(conversation, actor=desk.actor, at=local(asked) - timedelta(days=300))


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ("2026-03-29T00:30Z", "2026-03-29T02:30Z"),  # 01:30 to 04:30, without 2 to 3
        ("2026-10-24T23:30Z", "2026-10-25T01:30Z"),  # 01:30, and 02:30 for the second time
        ("2026-03-29T03:30Z", "2026-03-29T23:30Z"),  # half an hour of it, then of the next
        ("2026-10-25T04:30Z", "2026-10-26T00:30Z"),  # the same in autumn
    ],
)
def test_two_hours_of_a_night_desk_are_two_hours_also_when_the_clocks_change(desk, asked, due):
    nights = {day: [["00:00", "06:00"]] for day in WEEKDAYS}
    services.change_policy(desk.rules, actor=desk.actor, opening_hours=nights, holidays_off=False)
    assert desk.ask(datetime.fromisoformat(asked)).due_at == datetime.fromisoformat(due)


def test_a_shorter_time_for_further_answers_does_not_override_the_first(desk):
    conversation = desk.ask(WEDNESDAY)
    assert desk.ask(WEDNESDAY + minutes(5), "Hello?").due_at == WEDNESDAY + minutes(120)
    conversation = desk.answer(conversation, WEDNESDAY + minutes(30))
    assert (conversation.due_at, conversation.waiting_since) == (None, None)
    conversation = desk.ask(WEDNESDAY + minutes(40), "And when?")
    assert conversation.due_at == WEDNESDAY + minutes(60)
    assert conversation.first_response_due_at == WEDNESDAY + minutes(120)
    assert conversation.first_responded_at == WEDNESDAY + minutes(30)


def test_what_is_urgent_counts_around_the_clock(desk):
    night = local("2026-06-20 03:00")
    assert desk.ask(night, topic="accident").due_at == night + minutes(10)
    services.change_policy(desk.rules, actor=desk.actor, urgent_always=False)
    conversation = Conversation.objects.get()
    assert conversation.due_at == local("2026-06-22 08:10")


def test_another_priority_or_rule_is_another_time_since_the_driver_waits(desk):
    conversation = desk.ask(WEDNESDAY)
    later = services.prioritise(
        conversation, actor=desk.actor, priority="high", at=WEDNESDAY + minutes(5)
    )
    assert later.due_at == WEDNESDAY + minutes(30)
    services.change_policy(desk.rules, actor=desk.actor, high_first_min=45)
    conversation.refresh_from_db()
    assert conversation.due_at == WEDNESDAY + minutes(45)
    services.change_policy(desk.rules, actor=desk.actor, high_first_min=None)
    conversation.refresh_from_db()
    assert conversation.due_at is None


def test_a_company_without_rules_promises_nothing(cast):
    driver = cast.driver
    conversation = services.open_conversation(
        driver,
        actor=driver_actor(driver),
        author=services.Author.driver(driver.user_id),
        topic="pay",
        body="Hello?",
    )
    assert (conversation.due_at, conversation.last_seq) == (None, 1)
    assert services.run_timers(at=conversation.last_message_at + timedelta(days=30)) == 0


@pytest.mark.parametrize("answers_again", [True, False])
def test_the_time_that_it_waited_for_the_driver_is_kept_whichever_way_it_ends(desk, answers_again):
    conversation = desk.answer(desk.ask(WEDNESDAY), WEDNESDAY + minutes(30))
    assert conversation.pending_since == WEDNESDAY + minutes(30)
    later = WEDNESDAY + minutes(75)
    if answers_again:
        conversation = desk.ask(later)
        assert (conversation.held_s, conversation.pending_since) == (45 * 60, None)
    done = services.resolve(conversation, actor=desk.actor, at=later)
    assert (done.held_s, done.pending_since, done.due_at) == (45 * 60, None, None)


def test_what_is_reopened_waits_anew(desk):
    conversation = desk.answer(desk.ask(WEDNESDAY), WEDNESDAY)
    services.resolve(conversation, actor=desk.actor, at=WEDNESDAY + minutes(10))
    reopened = desk.ask(WEDNESDAY + timedelta(days=1))
    assert reopened.pk == conversation.pk
    assert reopened.due_at == WEDNESDAY + timedelta(days=1, minutes=20)


def test_the_page_and_the_api_tell_the_same_instant(desk, client, api):
    conversation = desk.ask(local("2026-06-17 12:00"))
    shown = api(desk.support).get(f"/api/v1/conversations/{conversation.pk}").json()
    assert shown["due_at"] == "2026-06-17T13:00:00Z"
    client.force_login(desk.support)
    page = client.get(reverse("admin:chat_conversation_change", args=(conversation.pk,)))
    assert b"17 Jun 2026, 15:00" in page.content


# --- Warned once, called once --------------------------------------------------------------------
def test_support_is_warned_once_then_who_leads_is_called_once(desk):
    manager = desk.cast.person(desk.company, "manager")
    desk.ask(WEDNESDAY)
    assert services.run_timers(at=WEDNESDAY + minutes(104)) == 0
    assert [services.run_timers(at=WEDNESDAY + minutes(n)) for n in (105, 106, 119)] == [1, 0, 0]
    assert desk.told("answer_due") == [desk.support.email]
    inbox.refresh()
    late = InboxItem.objects.for_provider(desk.company.pk).filter(kind="chat.answer_late")
    assert not late.exists()
    assert [services.run_timers(at=WEDNESDAY + minutes(n)) for n in (120, 121, 400)] == [1, 0, 0]
    owner = desk.cast.person(desk.company, "owner")
    assert sorted(desk.told("answer_late")) == sorted([owner.email, manager.email])
    inbox.refresh()
    assert late.get().closed_at is None
    desk.answer(Conversation.objects.get(), WEDNESDAY + minutes(500))
    inbox.refresh()
    assert late.get().closed_at is not None


def test_whoever_has_it_is_warned_alone(desk):
    taken = desk.cast.person(desk.company, "dispatcher")
    conversation = desk.ask(WEDNESDAY)
    services.assign(conversation, actor=desk.actor, assignee=taken)
    services.run_timers(at=WEDNESDAY + minutes(110))
    assert desk.told("answer_due") == [taken.email]


def test_nobody_is_told_at_night_of_what_was_late_in_the_evening(desk):
    desk.ask(local("2026-06-17 16:00"))  # due at closing time
    assert services.run_timers(at=local("2026-06-17 23:30")) == 0
    assert services.run_timers(at=local("2026-06-18 08:00")) == 1
    assert (desk.told("answer_due"), len(desk.told("answer_late"))) == ([], 1)


def test_an_answer_in_time_calls_nobody(desk):
    conversation = desk.ask(WEDNESDAY)
    desk.answer(conversation, WEDNESDAY + minutes(100))
    assert services.run_timers(at=WEDNESDAY + timedelta(days=1)) == 0
    assert desk.told("answer_due") == desk.told("answer_late") == []


@pytest.mark.django_db(transaction=True)
def test_two_workers_call_once():
    from voltop.tests.cast import Cast

    desk = Desk(Cast())
    desk.ask(WEDNESDAY)
    done = at_once([lambda: services.run_timers(at=WEDNESDAY + minutes(130))] * 2)
    assert sorted(done) == [0, 1]
    assert len(desk.told("answer_late")) == 1


# --- Off hours, silence --------------------------------------------------------------------------
OFF_HOURS = {
    "de": "Danke für Ihre Nachricht. Gerade ist niemand da; wir sind ab 22.06.2026 08:00",
    "es": "Gracias por tu mensaje.",
    "en": "Nobody is here now; we are back on 22 Jun 2026, 08:00",
}


def test_off_hours_a_driver_is_told_once_when_somebody_is_there(desk):
    for topic, (language, words) in zip(
        ("pay", "vehicle", "other"), OFF_HOURS.items(), strict=True
    ):
        type(desk.driver).objects.filter(pk=desk.driver.pk).update(language=language)
        desk.driver.refresh_from_db()
        conversation = desk.ask(local("2026-06-20 12:00"), topic=topic)
        desk.ask(local("2026-06-20 12:05"), "Hello?", topic=topic)
        said = list(conversation.messages.values_list("seq", "author_kind"))
        assert said == [(1, "driver"), (2, "system"), (3, "driver")]
        assert words in conversation.messages.get(seq=2).body
        conversation.refresh_from_db()
        assert (conversation.status, conversation.first_responded_at) == ("open", None)


def test_in_hours_and_of_what_is_urgent_nothing_is_answered_by_itself(desk):
    assert desk.ask(WEDNESDAY).last_seq == 1
    assert desk.ask(local("2026-06-20 12:00"), topic="accident").last_seq == 1
    services.change_policy(desk.rules, actor=desk.actor, off_hours_answer=False)
    assert desk.ask(local("2026-06-20 12:00"), topic="vehicle").last_seq == 1


def test_a_driver_who_says_nothing_is_told_and_then_it_ends(desk):
    conversation = desk.answer(desk.ask(WEDNESDAY), WEDNESDAY)
    day = timedelta(days=1)
    assert [services.run_timers(at=WEDNESDAY + day * n) for n in (4.9, 5, 5.1, 6.9)] == [0, 1, 0, 0]
    assert desk.told("closing_soon") == [desk.driver.user.email]
    notice = Notice.objects.get(kind="chat.closing_soon")
    assert datetime.fromisoformat(notice.params["closes_at"]) == WEDNESDAY + day * 7
    assert services.run_timers(at=WEDNESDAY + day * 7) == 1
    conversation.refresh_from_db()
    assert conversation.status == "resolved"
    assert conversation.events.latest("id").actor == "system:chat.run_timers"


def test_after_an_outage_the_driver_still_has_the_time_that_was_promised(desk):
    conversation = desk.answer(desk.ask(WEDNESDAY), WEDNESDAY)
    day = timedelta(days=1)
    assert [services.run_timers(at=WEDNESDAY + day * n) for n in (20, 21.9, 22)] == [1, 0, 1]
    conversation.refresh_from_db()
    assert conversation.status == "resolved"


def test_whoever_writes_meanwhile_begins_the_silence_anew(desk):
    conversation = desk.answer(desk.ask(WEDNESDAY), WEDNESDAY)
    day = timedelta(days=1)
    services.run_timers(at=WEDNESDAY + day * 5)
    desk.answer(conversation, WEDNESDAY + day * 6)
    assert services.run_timers(at=WEDNESDAY + day * 10.9) == 0
    assert services.run_timers(at=WEDNESDAY + day * 11) == 1
    assert len(desk.told("closing_soon")) == 2
    desk.ask(WEDNESDAY + day * 12, "Here I am")
    assert services.run_timers(at=WEDNESDAY + day * 12) == 0
    conversation.refresh_from_db()
    assert conversation.status == "open"


# --- The rules themselves ------------------------------------------------------------------------
def test_rules_that_cannot_be_meant_are_refused(desk):
    with pytest.raises(SlaPolicyExists):
        services.create_policy(desk.company, actor=desk.actor)
    for values in (
        {"opening_hours": {"mon": []}},
        {"resolve_after_days": 2},
        {"resolve_notice_days": 7},
    ):
        with pytest.raises(PolicyWrong):
            services.change_policy(desk.rules, actor=desk.actor, **values)
    with pytest.raises(InvalidOpeningHours):
        services.change_policy(desk.rules, actor=desk.actor, opening_hours={"mon": ["8-12"]})
    assert SlaPolicy.objects.get().resolve_after_days == 7


def test_rules_through_the_api_and_the_admin(cast, api, client):
    owner = api(cast.owner)
    made = owner.post("/api/v1/sla-policies", {"opening_hours": DESK}, format="json")
    assert (made.status_code, made.json()["warn_min"]) == (201, 15)
    path = f"/api/v1/sla-policies/{made.json()['id']}"
    wrong = owner.patch(path, {"resolve_after_days": 1}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "support_rule_wrong")
    assert owner.patch(path, {"normal_first_min": 30}, format="json").status_code == 200
    client.force_login(cast.owner)
    page = client.get(reverse("admin:chat_slapolicy_change", args=(made.json()["id"],)))
    assert "Mon–Fri 08:00–13:00, 14:00–18:00" in page.content.decode()
