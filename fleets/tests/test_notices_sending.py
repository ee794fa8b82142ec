"""Notices on their way: through a gateway that fails, and by a worker that is killed."""

import json
import os
import signal
import smtplib

import pytest
from django.core import mail

from fleets.messages import Message, MessageRefused, post_to_gateway, send_email
from fleets.models import Notice, NoticeDelivery
from fleets.services import notices
from fleets.tests.hooks import Receiver, in_child, in_turn, let_time_pass
from fleets.tests.test_notices import choose, proven, statuses, tell
from voltop import failpoints, lanes, outbox
from voltop.http import UrlNotAllowed
from voltop.tests.listeners import answer

OK, AWAY, NEVER = (answer("200 OK", b"{}"), answer("503 Service Unavailable"), answer("400 No"))


@pytest.fixture
def gateway(committed_db, settings, monkeypatch):
    """An SMS gateway that may be called."""
    for bell in ("ring", "ring_lanes"):
        monkeypatch.setattr(outbox, bell, lambda: None)
    receiver = Receiver()
    settings.OUTBOUND_ALLOWED = [f"127.0.0.1:{receiver.port}"]
    settings.MESSAGE_GATEWAYS = {"sms": (receiver.url, "secret token"), "push": ("", "")}
    settings.SMS_TRANSPORT = "fleets.messages.post_to_gateway"
    yield receiver
    receiver.close()


@pytest.fixture
def reader(gateway, cast):
    user = proven(cast.owner)
    choose(user, channels=["email", "sms"])
    return user


def test_a_notice_goes_over_each_channel(reader, gateway):
    notice = tell(reader)
    assert lanes.relay(threads=2) == 2
    assert statuses(notice) == {"email": "sent", "sms": "sent"}
    [(headers, body)] = gateway.calls()
    sms = notice.deliveries.get(channel="sms")
    assert headers["authorization"] == "Bearer secret token"
    assert headers["idempotency-key"] == str(sms.uuid)
    assert json.loads(body)["to"] == reader.phone
    [letter] = mail.outbox
    assert letter.to == [reader.email]
    key = notice.deliveries.get(channel="email").uuid
    assert letter.extra_headers["Message-ID"].startswith(f"<{key}@")


def test_a_channel_that_fails_for_days_delays_no_other_and_is_given_up(reader, gateway):
    gateway.answer = AWAY
    first = tell(reader)
    for _attempt in range(len(notices.RETRY.pauses_s) + 1):
        lanes.relay(threads=2)
        let_time_pass(110_000)
    assert statuses(first) == {"email": "sent", "sms": "dead"}
    second = tell(reader, 2)
    lanes.relay(threads=2)
    assert statuses(second) == {"email": "sent", "sms": "pending"}
    assert len(mail.outbox) == 2
    sms = first.deliveries.get(channel="sms")
    assert sms.attempts == len(notices.RETRY.pauses_s) + 1
    assert len(gateway.requests) == sms.attempts + 1
    assert {headers["idempotency-key"] for headers, _ in gateway.calls()} == {
        str(sms.uuid),
        str(second.deliveries.get(channel="sms").uuid),
    }


def test_one_bad_address_is_tried_once_and_holds_up_nobody(reader, gateway):
    gateway.answer = in_turn(NEVER, OK)
    first, second = tell(reader), tell(reader, 2)
    for _time in range(2):
        lanes.relay(threads=1)
        let_time_pass(120)
    sent = {statuses(notice)["sms"] for notice in (first, second)}
    assert sent == {"dead", "sent"}
    assert len(gateway.requests) == 2


def test_the_gateway_is_called_like_any_address(settings):
    settings.OUTBOUND_ALLOWED = []
    settings.MESSAGE_GATEWAYS = {"sms": ("http://127.0.0.1:9/", "")}
    with pytest.raises(UrlNotAllowed):
        post_to_gateway(Message("sms", "+521", "", "Hello"))


@pytest.mark.parametrize(
    ("code", "error"), [(550, MessageRefused), (450, smtplib.SMTPRecipientsRefused)]
)
def test_a_mailbox_that_does_not_exist_is_not_tried_again(code, error, monkeypatch):
    def refuse(self):
        raise smtplib.SMTPRecipientsRefused({"a@b.example": (code, b"no")})

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    with pytest.raises(error):
        send_email(Message("email", "a@b.example", "Subject", "Text"))


POINTS = ["lanes.claimed", "outbox.claimed", "notices.called", "notices.recorded", "outbox.called",
          "outbox.marked", "lanes.served"]  # fmt: skip


def kill_at(point: str, reader, gateway) -> None:
    choose(reader, channels=["sms"])
    notice = tell(reader)

    def die() -> None:
        os.environ[failpoints.VARIABLE] = point
        while True:
            lanes.relay(threads=1, budget_s=1)

    child = in_child(die)
    child.join(30)
    assert child.exitcode == -signal.SIGKILL
    let_time_pass(120)
    lanes.relay(threads=1)
    assert statuses(notice) == {"sms": "sent"}
    keys = [headers["idempotency-key"] for headers, _body in gateway.calls()]
    # Only between the call and its record can the house not know: the gateway knows the key.
    assert len(keys) == (2 if point == "notices.called" else 1)
    assert set(keys) == {str(NoticeDelivery.objects.get().uuid)}
    assert Notice.objects.count() == 1


@pytest.mark.parametrize("point", ["outbox.claimed", "notices.called", "notices.recorded"])
def test_a_killed_relay_sends_a_notice_once(point, reader, gateway):
    kill_at(point, reader, gateway)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_relay_killed_anywhere_sends_a_notice_once(point, reader, gateway):
    kill_at(point, reader, gateway)
