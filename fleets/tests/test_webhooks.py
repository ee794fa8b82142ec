"""Webhooks: signed, at least once, in order per object, one receiver never in another's way."""

import socket
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from drivers import services as driver_services
from fleets.errors import EndpointRetired
from fleets.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from fleets.services import deliveries, webhooks
from fleets.tests.hooks import (
    OK,
    Receiver,
    carry,
    endpoint_of,
    in_turn,
    let_time_pass,
)
from voltop import clock, events, outbox, signatures
from voltop.errors import IllegalMove
from voltop.events import Event, Happening
from voltop.tables import OutboxLane
from voltop.tests.listeners import answer, connections_seen

BROKEN = answer("500 Internal Server Error")


@pytest.fixture
def receiver(committed_db, settings, monkeypatch):
    """`receiver(behaviour)` is a server on 127.0.0.1 that may be called."""
    for bell in ("ring", "ring_lanes"):
        monkeypatch.setattr(outbox, bell, lambda: None)
    monkeypatch.setattr(events, "ring", lambda: None)
    made: list[Receiver] = []

    def start(behaviour=OK) -> Receiver:
        listener = Receiver(behaviour)
        made.append(listener)
        settings.OUTBOUND_ALLOWED = [*settings.OUTBOUND_ALLOWED, f"127.0.0.1:{listener.port}"]
        return listener

    yield start
    for listener in made:
        listener.close()


@pytest.fixture
def people(receiver, cast):
    """The cast, what was told of its making numbered already."""
    assert cast.actor()
    events.send_pending()
    return cast


def happen(cast, object_id: int = 1, version: int = 1, kind: str = "thing.changed") -> None:
    with transaction.atomic():
        events.publish(
            Happening(kind, object_id, version), provider_id=cast.a.pk, actor=cast.actor(),
            at=clock.now(),
        )  # fmt: skip


def genuine(secret: str, call) -> bool:
    headers, body = call
    return signatures.is_genuine(secret, headers, body, now=datetime.now(UTC))


# --- what arrives --------------------------------------------------------------------------------


def test_an_event_arrives_signed_and_is_the_feeds_own(people, receiver, api):
    hook = receiver()
    endpoint, secret = endpoint_of(people, hook, "driver.*")
    driver = people.driver
    assert carry() == 3
    call = hook.calls()[0]
    assert genuine(secret, call)
    assert not genuine(signatures.new_secret(), call)
    assert call[0]["content-type"] == "application/json"
    feed = api(people.owner).get("/api/v1/events/", {"object": "driver"}).json()["results"]
    assert hook.bodies() == feed
    assert [row["type"] for row in feed] == ["driver.invited", "driver.onboarding", "driver.active"]
    assert [headers["webhook-id"] for headers, _body in hook.calls()] == [r["id"] for r in feed]
    assert feed[-1]["data"]["id"] == driver.pk
    assert len(call[1]) < 20_000
    states = WebhookDelivery.objects.filter(endpoint=endpoint)
    assert set(states.values_list("status", "attempts", "last_status")) == {("delivered", 1, 200)}


@pytest.mark.parametrize(
    ("kinds", "arrive"),
    [
        (["*"], {"thing.changed", "thing.made", "other.made"}),
        (["thing.*"], {"thing.changed", "thing.made"}),
        (["thing.made"], {"thing.made"}),
        (["thing.made", "other.*"], {"thing.made", "other.made"}),
        (["thin.*"], set()),
    ],
)
def test_an_endpoint_gets_what_it_has_chosen(people, receiver, kinds, arrive):
    hook = receiver()
    endpoint_of(people, hook, *kinds)
    for kind in ("thing.changed", "thing.made", "other.made"):
        happen(people, kind=kind)
    carry()
    assert {body["type"] for body in hook.bodies()} == arrive


def test_nothing_of_another_company_or_from_before_arrives(people, receiver):
    happen(people)
    events.send_pending()
    hook = receiver()
    endpoint_of(people, hook)
    assert people.foreign_driver
    assert carry() == 0
    assert hook.calls() == []


def test_a_test_event_goes_to_the_endpoint_it_is_about_only(people, receiver):
    one, two = receiver(), receiver()
    endpoint, secret = endpoint_of(people, one, "shift.ended")
    endpoint_of(people, two)
    webhooks.send_test(endpoint, actor=people.actor())
    carry()
    assert [body["type"] for body in one.bodies()] == ["webhook_endpoint.tested"]
    assert genuine(secret, one.calls()[0])
    assert two.calls() == []


def test_while_a_secret_is_exchanged_both_sign_and_then_only_the_new_one(people, receiver):
    hook = receiver()
    endpoint, old = endpoint_of(people, hook)
    endpoint, new = webhooks.rotate_secret(endpoint, actor=people.actor(), keep_h=2)
    happen(people)
    carry()
    assert [genuine(secret, hook.calls()[0]) for secret in (old, new)] == [True, True]
    WebhookEndpoint.objects.update(previous_until=clock.now() - timedelta(seconds=1))
    happen(people, 2)
    carry()
    assert [genuine(secret, hook.calls()[1]) for secret in (old, new)] == [False, True]
    endpoint, third = webhooks.rotate_secret(endpoint, actor=people.actor(), keep_h=0)
    happen(people, 3)
    carry()
    secrets = (old, new, third)
    assert [genuine(secret, hook.calls()[2]) for secret in secrets] == [False, False, True]


def test_no_secret_is_in_the_database_in_clear(people, receiver):
    endpoint, secret = endpoint_of(people, receiver())
    webhooks.rotate_secret(endpoint, actor=people.actor())
    row = WebhookEndpoint.objects.get()
    raw = signatures._key(secret)
    for column in (row.secret, row.previous_secret):
        assert raw not in bytes(column)
        assert secret.encode() not in bytes(column)


# --- what fails ----------------------------------------------------------------------------------


def test_a_failed_call_comes_again_with_the_same_id_and_body(people, receiver):
    hook = receiver(in_turn(BROKEN, answer("302 Found", b"", "Location: http://10.0.0.1/"), OK))
    _endpoint, secret = endpoint_of(people, hook)
    happen(people)
    for _ in range(4):
        carry()
        let_time_pass()
    calls = hook.calls()
    assert len(calls) == 3
    assert len({(headers["webhook-id"], body) for headers, body in calls}) == 1
    assert all(genuine(secret, call) for call in calls)
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.last_status) == ("delivered", 3, 200)
    assert [entry["status"] for entry in delivery.log] == [500, 302, 200]


def test_a_redirect_is_not_followed(people, receiver):
    target = receiver()
    location = f"Location: {target.url}"
    endpoint_of(people, receiver(answer("302 Found", b"", location)))
    happen(people)
    carry()
    assert target.calls() == []
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.last_error) == ("pending", "answered 302")


def test_a_failing_event_holds_back_its_own_object_and_for_minutes_only(people, receiver):
    def refuse_first(peer):
        newest = hook.requests[-1]
        (BROKEN if b'"id":1,' in newest and b'"version":1}' in newest else OK)(peer)

    hook = receiver(refuse_first)
    endpoint_of(people, hook)
    for object_id, version in ((1, 1), (1, 2), (2, 1)):
        happen(people, object_id, version)

    def arrived():
        delivered = WebhookDelivery.objects.filter(status="delivered").order_by("delivered_at")
        pairs = delivered.values_list("event__object_id", "event__object_version")
        return list(pairs)

    for wait_s in (6, 40, 150, 800):
        carry()
        OutboxLane.objects.update(next_at=Now())
        carry()
        assert arrived() == [(2, 1)]
        let_time_pass(wait_s)
    carry()
    OutboxLane.objects.update(next_at=Now())
    carry()
    assert arrived() == [(2, 1), (1, 2)]
    first = WebhookDelivery.objects.get(event__object_version=1, event__object_id=1)
    assert (first.status, first.attempts) == ("pending", 5)


def test_a_slow_server_delays_no_other(people, receiver):
    """A real server that takes 2 s for each of many events, and one that is quick."""

    def slowly(peer: socket.socket) -> None:
        time.sleep(2)
        OK(peer)

    slow, quick = receiver(slowly), receiver()
    endpoint_of(people, slow)
    happen(people, 0)
    events.send_pending()
    endpoint_of(people, quick)
    for n in range(1, 9):
        happen(people, n)
    events.send_pending()
    started = time.monotonic()
    arrived: list[float] = []
    quick.answer = lambda peer: (arrived.append(time.monotonic() - started), OK(peer))[1]
    carry(threads=2, budget_s=3)
    assert len(arrived) == 8
    assert max(arrived) < 2  # before the slow one has answered once
    assert 1 <= len(slow.calls()) <= 3


def test_a_dead_server_delays_no_other(people, receiver):
    dead, quick = receiver(), receiver()
    endpoint_of(people, dead)
    endpoint_of(people, quick)
    dead.close()
    for n in range(10):
        happen(people, n)
    assert carry() == 10
    assert len(quick.calls()) == 10
    tried = WebhookDelivery.objects.exclude(endpoint__url=quick.url).filter(attempts__gt=0)
    assert tried.count() == 1  # after one refused call it is left alone for a while
    assert tried.get().last_error == "outbound_failed: connection"


def test_retry_after_is_heard(people, receiver):
    hook = receiver(in_turn(answer("429 Too Many Requests", b"", "Retry-After: 900"), OK))
    endpoint_of(people, hook)
    happen(people)
    carry()
    let_time_pass(800)
    carry()
    assert len(hook.calls()) == 1
    let_time_pass(110)
    carry()
    assert len(hook.calls()) == 2


def give_up_on(people, hook) -> WebhookDelivery:
    """All attempts over three days, none of which goes well."""
    for _ in range(len(deliveries.RETRY.pauses_s) + 1):
        carry()
        let_time_pass(30 * 3600)
    return WebhookDelivery.objects.get()


def test_a_delivery_is_dead_after_about_three_days_and_can_be_sent_again(people, receiver, api):
    assert 72 <= sum(deliveries.RETRY.pauses_s) / 3600 <= 80
    hook = receiver(BROKEN)
    endpoint, _secret = endpoint_of(people, hook, "thing.*")
    happen(people)
    delivery = give_up_on(people, hook)
    assert (delivery.status, delivery.attempts) == ("dead", 12)
    endpoint.refresh_from_db()
    assert endpoint.status == "disabled"
    assert "no call went well since" in endpoint.disabled_reason
    owner = api(people.owner)
    again = f"/api/v1/webhook-deliveries/{delivery.pk}/redeliver/"
    assert owner.post(again).json()["code"] == "endpoint_not_active"
    assert owner.post(f"/api/v1/webhook-endpoints/{endpoint.pk}/enable/").status_code == 200
    hook.answer = OK
    answered = owner.post(again)
    assert (answered.status_code, answered.json()["status"]) == (202, "pending")
    assert owner.post(again).json()["code"] == "illegal_move"
    carry()
    let_time_pass()
    carry()
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("delivered", 13)
    assert len({headers["webhook-id"] for headers, _body in hook.calls()}) == 1


def test_what_was_given_up_is_sent_again_at_once_and_what_was_delivered_one_by_one(
    people, receiver
):
    hook = receiver(answer("410 Gone"))
    endpoint, _secret = endpoint_of(people, hook)
    for n in range(3):
        happen(people, n)
    carry()
    endpoint.refresh_from_db()
    assert (endpoint.status, endpoint.disabled_reason) == (
        "disabled", "the endpoint answered 410 Gone",
    )  # fmt: skip
    for _ in range(3):
        let_time_pass()
        carry()
    assert len(hook.calls()) == 1
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"dead"}
    webhooks.enable_endpoint(endpoint, actor=people.actor())
    hook.answer = OK
    assert deliveries.redeliver_dead(endpoint, actor=people.actor()) == 3
    let_time_pass()
    assert carry() == 3
    delivered = WebhookDelivery.objects.first()
    deliveries.redeliver(delivered, actor=people.actor())
    let_time_pass()
    assert carry() == 1
    with pytest.raises(IllegalMove):
        webhooks.enable_endpoint(endpoint, actor=people.actor())


def test_a_success_ends_the_failing(people, receiver):
    hook = receiver(in_turn(BROKEN, OK))
    endpoint, _secret = endpoint_of(people, hook)
    happen(people)
    carry()
    endpoint.refresh_from_db()
    assert endpoint.failing_since is not None
    let_time_pass()
    carry()
    endpoint.refresh_from_db()
    assert (endpoint.failing_since, endpoint.status) == (None, "active")


def test_a_disabled_or_retired_endpoint_gets_nothing(people, receiver):
    hook = receiver()
    endpoint, _secret = endpoint_of(people, hook)
    happen(people)
    events.send_pending()
    webhooks.disable_endpoint(endpoint, actor=people.actor(), reason="moving")
    happen(people, 2)
    assert carry() == 0
    assert [d.last_error for d in WebhookDelivery.objects.all()] == ["the endpoint is disabled"]
    webhooks.retire_endpoint(endpoint, actor=people.actor())
    with pytest.raises(EndpointRetired):
        webhooks.rotate_secret(endpoint, actor=people.actor())
    assert hook.calls() == []


# --- addresses -----------------------------------------------------------------------------------


def test_an_address_that_turns_private_is_not_called(people, receiver, monkeypatch):
    """Public when it was saved, our own machine when it is called."""
    hook, real = receiver(), socket.getaddrinfo
    address = ["8.8.8.8"]

    def resolve(host, port, *args, **kwargs):
        known = address[0] if host == "rebinding.example" else host
        return real(known, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    webhooks.create_endpoint(
        people.a, actor=people.actor(), name="Evil", url="https://rebinding.example/",
        kinds=["*"],
    )  # fmt: skip
    address[0] = "127.0.0.1"
    happen(people)
    with connections_seen() as seen:
        carry()
    assert seen == []
    assert hook.calls() == []
    assert WebhookDelivery.objects.get().last_error == "url_not_allowed: address"


# --- keeping -------------------------------------------------------------------------------------


def test_old_deliveries_and_their_places_in_the_outbox_are_deleted(people, receiver):
    endpoint_of(people, receiver())
    for n in range(3):
        happen(people, n)
    carry()
    happen(people, 9)
    events.send_pending()
    old = list(WebhookDelivery.objects.order_by("pk").values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE fleets_webhookdelivery SET created_at = now() - interval '31 days'"
            " WHERE id = ANY(%s)",
            [[*old[:2], old[3]]],
        )
    assert deliveries.forget_old() == 2
    assert list(WebhookDelivery.objects.values_list("pk", flat=True)) == [old[2], old[3]]
    assert outbox.OutboxMessage.objects.count() == 2
    Event.objects.filter(pk=WebhookDelivery.objects.get(pk=old[3]).event_id).delete()
    assert carry() == 0  # its event is gone: nothing to send, nothing stuck
    assert not outbox.OutboxMessage.objects.filter(sent_at=None, dead_at=None).exists()


def test_statuses_are_what_the_database_knows(people, receiver):
    endpoint_of(people, receiver())
    happen(people)
    events.send_pending()
    assert {*DeliveryStatus.values} == {"pending", "delivered", "dead"}
    delivery = WebhookDelivery.objects.select_related("message").get()
    assert delivery.next_try_at == delivery.message.next_at


def test_a_move_reaches_the_receiver_when_it_is_committed(people, receiver):
    hook = receiver()
    driver = people.driver
    events.send_pending()
    endpoint_of(people, hook, "driver.suspended")
    with transaction.atomic():
        driver_services.suspend_driver(driver, actor=people.actor(), reason="x")
        transaction.set_rollback(True)
    assert carry() == 0
    driver_services.suspend_driver(driver, actor=people.actor(), reason="x")
    assert carry() == 1
    assert hook.bodies()[0]["data"]["to_state"] == "suspended"
