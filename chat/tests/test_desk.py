"""Canned replies and the search through what was said."""

import re

import pytest
from django.db import connection
from django.urls import reverse

from chat import services
from chat.errors import CannedReplyExists, UnknownVariable
from chat.models import CannedReply, Message
from chat.tests.test_conversations import answer, ask
from fleets.errors import UnknownLanguage


def canned(cast, shortcut="payday", **values) -> CannedReply:
    values = {"body": "Payday is Friday."} | values
    return services.create_canned_reply(cast.a, actor=cast.actor(), shortcut=shortcut, **values)


def test_a_canned_reply_is_filled_in_for_a_conversation(cast):
    reply = canned(
        cast, body="Hi {{first_name}} ({{ driver }}), #{{number}}. {{agent}}, {{company}}"
    )
    text = services.filled_in(reply, ask(cast.driver), cast.support)
    assert text == "Hi Dora (Dora Driver), #1. Support Alba Moves, Alba Moves"


def test_what_a_driver_is_called_is_not_filled_in_once_more(cast):
    type(cast.driver).objects.filter(pk=cast.driver.pk).update(given_name="{{company}}")
    cast.driver.refresh_from_db()
    text = services.filled_in(canned(cast, body="{{first_name}}"), ask(cast.driver), None)
    assert text == "{{company}}"


def test_an_unknown_variable_or_language_and_a_name_that_is_taken_are_refused(cast):
    with pytest.raises(UnknownVariable):
        canned(cast, body="{{salary}}")
    with pytest.raises(UnknownLanguage):
        canned(cast, language="xx")
    first = canned(cast)
    with pytest.raises(CannedReplyExists):
        canned(cast)
    other = canned(cast, language="de")
    with pytest.raises(CannedReplyExists):
        services.update_canned_reply(other, actor=cast.actor(), language="en")
    services.retire_canned_reply(first, actor=cast.actor())
    assert canned(cast).retired_at is None


def test_the_driver_s_language_is_offered_first(cast):
    for language in ("en", "de", "es"):
        canned(cast, language=language)
    canned(cast, "late", language="de")
    type(cast.driver).objects.filter(pk=cast.driver.pk).update(language="es")
    cast.driver.refresh_from_db()
    offered = services.replies_for(ask(cast.driver))
    assert [(reply.shortcut, reply.language) for reply in offered] == [
        ("late", "de"),
        ("payday", "es"),
    ]


def test_canned_replies_through_the_api(cast, api):
    support = api(cast.support)
    body = {"shortcut": "hi", "body": "Hi {{first_name}}"}
    made = support.post("/api/v1/canned-replies", body, format="json")
    assert made.status_code == 201, made.json()
    path = f"/api/v1/canned-replies/{made.json()['id']}"
    conversation = ask(cast.driver)
    filled = support.post(f"{path}/fill-in", {"conversation": conversation.pk}, format="json")
    assert (filled.status_code, filled.json()) == (200, {"body": "Hi Dora"})
    wrong = support.patch(path, {"body": "{{x}}"}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "unknown_variable")
    assert support.post(f"{path}/retire").json()["retired_at"] is not None
    assert conversation.messages.count() == 1


SAID = [
    "¿Dónde está mi ÚLTIMO pago de propinas?",
    "The charging flap does not close",
    "My payment is late, the flap is fine",
]


FOUND = {
    "flap": [2, 1],
    "FLAP close": [1],
    "donde propinas": [0],
    "Dónde": [0],
    "ÚLTIMO pago": [0],
    "flap -late": [1],
    '"charging flap"': [1],
    '"flap charging"': [],
    "pago or late": [2, 0],
    "fla": [],
    "& | ! (": [],
}


def test_what_was_said_is_found_by_its_words(cast, api):
    for topic, body in zip(("pay", "vehicle", "other"), SAID, strict=True):
        ask(cast.driver, body, topic=topic)
    ask(cast.foreign_driver, "flap propinas late pago close")
    support = api(cast.support)
    for search, found in FOUND.items():
        answer = support.get("/api/v1/messages", {"search": search})
        assert answer.status_code == 200, answer.json()
        bodies = [row["body"] for row in answer.json()["results"]]
        assert bodies == [SAID[n] for n in found], search


def test_the_search_uses_its_index(cast):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        plan = Message.objects.unscoped().saying("flap").order_by().explain()
    assert "chat_message_words" in plan


def test_the_inbox_finds_conversations_by_what_was_said_and_by_whose_they_are(cast, client):
    first = ask(cast.driver, "The charging flap")
    second = ask(cast.other_driver, "My payslip")
    client.force_login(cast.support)
    page = reverse("admin:chat_conversation_changelist")
    for text, wanted in (("FLAP", [first]), ("dario", [second]), ("nothing", [])):
        rows = client.get(page, {"q": text}).context["cl"].queryset
        assert sorted(row.pk for row in rows) == sorted(row.pk for row in wanted), text
    services.assign(first, actor=cast.actor(), assignee=cast.support)
    for whose, wanted in (("mine", [first]), ("nobody", [second])):
        rows = client.get(page, {"whose": whose}).context["cl"].queryset
        assert [row.pk for row in rows] == [row.pk for row in wanted]


def test_the_inbox_shows_what_was_said_where_it_was_found(cast, client):
    talk = ask(cast.driver, "<b>¿Dónde</b> está mi pago? " + "y " * 60 + "fin")
    answer(cast, talk, "We look where it is.")
    ask(cast.other_driver, "My payslip")
    client.force_login(cast.support)
    page = reverse("admin:chat_conversation_changelist")

    def shown(asked):
        return client.get(page, {"q": asked} if asked else {}).content.decode()

    assert "&lt;b&gt;¿<mark>Dónde</mark>&lt;/b&gt; está mi pago? y y" in shown("donde")
    assert re.search("y ?…<", shown("donde"))
    assert "We <mark>look</mark> where it is." in shown("look")
    for asked in ("dario", "", "\x00", "((("):
        assert "<mark>" not in shown(asked)
