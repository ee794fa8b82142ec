"""The inbox: one item per cause and object, closed with its cause, seen by those who may do it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import resolve

from chat.services import Author, open_conversation, post_message
from fleets.errors import ClosesByItself, ItemClosed, NotAssignable, SnoozeInPast
from fleets.models import AuditEntry, InboxItem, WebhookEndpoint
from fleets.services import inbox, webhooks
from vehicles.models import VehicleState
from voltop import clock, events
from voltop.context import Actor
from voltop.errors import NotFound
from voltop.home import all_work, tasks_for
from voltop.tests.parallel import at_once

pytestmark = pytest.mark.django_db


def endpoint_off(cast, provider=None) -> WebhookEndpoint:
    provider = provider or cast.a
    return WebhookEndpoint.objects.create(
        provider=provider, name="Hook", url="https://hooks.example/", kinds=[], secret=b"x",
        status="disabled", disabled_reason="moved",
    )  # fmt: skip


def item_of(row) -> InboxItem:
    inbox.refresh()
    return InboxItem.objects.unscoped().get(object_id=row.pk, object_type=row._meta.label_lower)


def waits(user, provider, kind) -> int:
    user.use_provider(provider.pk, frozenset({"owner"}))
    return sum(task.count for task in tasks_for(user) if task.work.kind == kind)


def test_every_kind_of_work_can_be_looked_for_and_leads_somewhere(cast):
    assert len(all_work()) >= 24
    names = Permission.objects.values_list("content_type__app_label", "codename")
    known = {f"{app}.{name}" for app, name in names}
    for kind, work in all_work().items():
        assert work.permission in known, kind
        assert resolve(work.url.partition("?")[0])
        for provider_id in (None, cast.a.pk):
            assert list(work.rows(provider_id).values_list("pk", work.provider)) == []


def test_an_item_opens_with_its_cause_and_closes_with_it(cast):
    endpoint = endpoint_off(cast)
    item = item_of(endpoint)
    assert (item.kind, item.provider, item.state) == ("fleets.endpoint_disabled", cast.a, "open")
    assert inbox.refresh() == 0, "looking again changes nothing"
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(status="active")
    assert inbox.refresh() == 1
    item.refresh_from_db()
    assert item.state == "closed"
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(status="disabled")
    inbox.refresh()
    assert InboxItem.objects.unscoped().filter(object_id=endpoint.pk).count() == 2


def test_an_event_is_enough(cast, django_capture_on_commit_callbacks):
    author = Author.driver(cast.driver.user_id)
    by_driver = Actor("user", cast.driver.user_id, cast.a.pk)
    conversation = open_conversation(
        cast.driver, actor=by_driver, author=author, topic="pay", body="Where is my money?"
    )
    with django_capture_on_commit_callbacks(execute=True):
        events.send_pending()
    item = InboxItem.objects.for_provider(cast.a.pk).get()
    assert (item.kind, item.object_id) == ("chat.answer", conversation.pk)
    post_message(
        conversation, actor=cast.actor(), author=Author.staff(cast.owner.pk), body="On its way."
    )
    inbox.refresh()
    item.refresh_from_db()
    assert item.closed_at is not None


def test_a_car_that_falls_silent_waits_until_it_is_heard_again(cast):
    states = VehicleState.objects.filter(vehicle=cast.vehicle)
    states.update(last_seen_at=clock.now() - timedelta(minutes=31))
    item = item_of(cast.vehicle)
    assert item.kind == "vehicles.silent"
    states.update(last_seen_at=clock.now())
    inbox.refresh()
    item.refresh_from_db()
    assert item.state == "closed"


def test_what_goes_to_another_company_waits_there(cast):
    endpoint = endpoint_off(cast)
    first = item_of(endpoint)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(provider=cast.b)
    inbox.refresh(provider_id=cast.b.pk)
    inbox.refresh(provider_id=cast.a.pk)
    first.refresh_from_db()
    assert first.closed_at is not None
    standing = InboxItem.objects.unscoped().standing()
    assert list(standing.values_list("provider_id", flat=True)) == [cast.b.pk]


def test_what_is_put_off_or_done_does_not_wait_today(cast):
    endpoint = endpoint_off(cast)
    item, kind = item_of(endpoint), "fleets.endpoint_disabled"
    assert waits(cast.owner, cast.a, kind) == 1
    item = inbox.snooze(item, actor=cast.actor(), until=clock.now() + timedelta(hours=3))
    assert (item.state, waits(cast.owner, cast.a, kind)) == ("snoozed", 0)
    item = inbox.snooze(item, actor=cast.actor(), until=None)
    assert (item.state, waits(cast.owner, cast.a, kind)) == ("open", 1)
    item = inbox.finish(item, actor=cast.actor())
    assert (item.state, waits(cast.owner, cast.a, kind)) == ("done", 0)
    assert inbox.refresh() == 0, "done stays done as long as the cause is the same"
    done = AuditEntry.objects.for_provider(cast.a.pk).filter(object_type="fleets.inboxitem")
    assert [entry.action for entry in done.order_by("id")] == [
        *("inbox_item.snoozed", "inbox_item.snoozed", "inbox_item.done"),
    ]


def test_a_time_to_wait_for_is_ahead_and_near(cast):
    item = item_of(endpoint_off(cast))
    for until in (clock.now() - timedelta(seconds=1), clock.now() + timedelta(days=91)):
        with pytest.raises(SnoozeInPast):
            inbox.snooze(item, actor=cast.actor(), until=until)


def test_work_that_must_be_done_is_not_waved_through(cast):
    author = Author.driver(cast.driver.user_id)
    by_driver = Actor("user", cast.driver.user_id, cast.a.pk)
    open_conversation(cast.driver, actor=by_driver, author=author, topic="pay", body="Hello?")
    inbox.refresh()
    with pytest.raises(ClosesByItself):
        inbox.finish(InboxItem.objects.for_provider(cast.a.pk).get(), actor=cast.actor())


def test_only_who_may_do_it_is_given_it(cast):
    item = item_of(endpoint_off(cast))
    for stranger in (cast.dispatcher, cast.outsider):
        with pytest.raises(NotAssignable):
            inbox.assign(item, actor=cast.actor(), assignee=stranger)
    assert inbox.assign(item, actor=cast.actor(), assignee=cast.owner).assignee == cast.owner


def test_nothing_is_done_to_what_is_over_or_another_s(cast):
    endpoint = endpoint_off(cast)
    item = item_of(endpoint)
    with pytest.raises(NotFound):
        inbox.finish(item, actor=cast.actor(cast.b))
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(status="retired")
    inbox.refresh()
    with pytest.raises(ItemClosed):
        inbox.assign(item, actor=cast.actor(), assignee=None)


def test_the_list_holds_what_the_caller_may_do(cast, api):
    item = item_of(endpoint_off(cast))
    endpoint_off(cast, cast.b)
    inbox.refresh()
    owner = api(cast.owner)
    [shown] = owner.get("/api/v1/inbox/").json()["results"]
    assert (shown["id"], shown["kind"], shown["state"]) == (item.pk, item.kind, "open")
    assert shown["done_by_hand"] is True
    assert api(cast.dispatcher).get("/api/v1/inbox/").json()["results"] == []
    assert api(cast.outsider).get(f"/api/v1/inbox/{item.pk}/").status_code == 404
    assert api(cast.viewer).get("/api/v1/inbox/").status_code == 403
    for query, found in (("state=open,snoozed", 1), ("state=done", 0), ("kind=chat.answer", 0)):
        assert len(owner.get(f"/api/v1/inbox/?{query}").json()["results"]) == found, query
    until = (clock.now() + timedelta(days=1)).isoformat()
    answer = owner.post(f"/api/v1/inbox/{item.pk}/snooze/", {"until": until}, format="json")
    assert (answer.status_code, answer.json()["state"]) == (200, "snoozed")
    assert owner.post(f"/api/v1/inbox/{item.pk}/done/").json()["state"] == "done"


def test_the_admin_shows_open_items_first(cast, client):
    endpoint = endpoint_off(cast)
    item = item_of(endpoint)
    client.force_login(cast.owner)
    page = client.get("/admin/fleets/inboxitem/").content.decode()
    assert f"/admin/fleets/webhookendpoint/{endpoint.pk}/change/" in page
    act = {"action": "change_inboxitem__done", "_selected_action": [item.pk]}
    client.post("/admin/fleets/inboxitem/", act)
    page = client.get("/admin/fleets/inboxitem/").content.decode()
    assert f"webhookendpoint/{endpoint.pk}/" not in page
    page = client.get("/admin/fleets/inboxitem/?state=done").content.decode()
    assert f"webhookendpoint/{endpoint.pk}/" in page


def test_the_page_of_an_item_leads_to_its_object_and_offers_what_its_state_has(cast, client):
    endpoint = endpoint_off(cast)
    item = item_of(endpoint)
    client.force_login(cast.owner)
    address = f"/admin/fleets/inboxitem/{item.pk}/change/"

    def buttons():
        return [str(words) for _name, words in client.get(address).context["moves"]]

    page = client.get(address).content.decode()
    assert f'href="/admin/fleets/webhookendpoint/{endpoint.pk}/change/"' in page
    assert f"webhook {endpoint.pk}<" in page
    assert item.kind not in page
    assert buttons() == ["I take it", "Put off until tomorrow", "Nothing more to do"]
    inbox.assign(item, actor=cast.actor(), assignee=cast.owner)
    inbox.snooze(item, actor=cast.actor(), until=clock.now() + timedelta(days=1))
    assert buttons() == ["Take it up again", "Nothing more to do"]
    inbox.finish(item, actor=cast.actor())
    assert buttons() == []


@pytest.mark.django_db(transaction=True)
def test_looked_at_from_many_sides_it_is_one_item(cast):
    endpoint = endpoint_off(cast)
    at_once([inbox.refresh] * 4)
    items = InboxItem.objects.unscoped().filter(object_id=endpoint.pk)
    assert items.count() == 1
    webhooks.retire_endpoint(endpoint, actor=cast.actor())
    at_once([inbox.refresh] * 4)
    assert items.get().closed_at is not None
