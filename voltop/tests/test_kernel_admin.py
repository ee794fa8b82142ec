"""The kernel's tables in the admin: readable by whoever may, scoped, without their secrets."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models.functions import Now
from django.test import Client

from fleets import backends
from fleets.models import User
from voltop import crypto, jobs, numbering, outbox
from voltop.context import Actor
from voltop.tables import IdempotencyKey, Job, JobRun, OutboxMessage

TABLES = ["job", "jobevent", "jobrun", "outboxmessage", "counter", "subjectkey", "idempotencykey"]


def log_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="fleets.backends.ProviderRoleBackend")
    return client


@pytest.fixture
def root(cast) -> Client:
    return log_in(cast.superuser)


@pytest.fixture
def rows(cast) -> dict[str, int]:
    """One row of each table at provider A, by table."""
    provider_id = cast.a.pk
    job = jobs.queue("drivers.import", actor=Actor.system("t", provider_id), total=5)
    jobs.claim_run("shifts.close", "2026-11-20", provider_id)
    message = outbox.emit(
        topic="t.x", provider_id=provider_id, object_key="driver:1", payload={"n": "payload-canary"}
    )
    numbering.next_number(provider_id, "payslip")
    crypto.encrypt(subject="d:1", provider_id=provider_id, context="c", plaintext=b"x")
    IdempotencyKey.objects.create(
        provider_id=provider_id, actor="user:1", key="k", route="r", request_sha256=b"1" * 32,
        status=200, body=b"body-canary", headers={"ETag": "header-canary"},
    )  # fmt: skip
    return {"job": job.pk, "outboxmessage": message.pk}


@pytest.mark.parametrize("table", TABLES)
def test_every_table_can_be_listed_and_read_but_not_written(root, rows, table):
    listed = root.get(f"/admin/voltop/{table}/")
    assert listed.status_code == 200
    (row,) = [r for r in listed.context["cl"].queryset if getattr(r, "provider_id", 0)][-1:]
    assert root.get(f"/admin/voltop/{table}/?q=x").status_code == 200
    page = root.get(f"/admin/voltop/{table}/{row.pk}/change/")
    assert page.status_code == 200
    assert b"canary" not in page.content + listed.content
    assert root.post(f"/admin/voltop/{table}/{row.pk}/change/", {}).status_code == 403
    assert root.post(f"/admin/voltop/{table}/{row.pk}/delete/", {}).status_code == 403
    assert root.get(f"/admin/voltop/{table}/add/").status_code == 403


def test_wrapped_keys_are_shown_nowhere(root, rows):
    key = crypto.SubjectKey.objects.get(subject="d:1")
    page = root.get(f"/admin/voltop/subjectkey/{key.pk}/change/").content.decode()
    assert "wrapped" not in page.lower()
    assert str(key.uuid) in page


@pytest.mark.parametrize("state", ["waiting", "sent", "dead"])
def test_messages_are_filtered_by_what_became_of_them(root, rows, state):
    message = OutboxMessage.objects.filter(pk=rows["outboxmessage"])
    message.update(**{"waiting": {}, "sent": {"sent_at": Now()}, "dead": {"dead_at": Now()}}[state])
    for asked in ("waiting", "sent", "dead"):
        listed = root.get("/admin/voltop/outboxmessage/", {"state": asked})
        found = rows["outboxmessage"] in {row.pk for row in listed.context["cl"].queryset}
        assert found == (asked == state)


def test_people_of_a_provider_see_their_own_rows_only(cast, rows, monkeypatch):
    monkeypatch.setattr(backends, "_known", (0.0, {}))
    tables = ("job", "jobrun", "outboxmessage")
    views = Permission.objects.filter(codename__in=[f"view_{table}" for table in tables])
    Group.objects.get(name="role:owner").permissions.add(*views)
    for user, own in ((cast.owner, True), (cast.outsider, False)):
        client = log_in(user)
        for table in tables:
            listed = client.get(f"/admin/voltop/{table}/")
            assert listed.status_code == 200
            owners = {row.provider_id for row in listed.context["cl"].queryset}
            assert owners == ({cast.a.pk} if own else set())
        page = client.get(f"/admin/voltop/job/{rows['job']}/change/")
        assert page.status_code == (200 if own else 302)


def test_without_a_permission_there_is_nothing(cast, rows):
    assert log_in(cast.viewer).get("/admin/voltop/subjectkey/").status_code == 403


def test_a_dead_message_is_sent_again_from_the_list(root, rows):
    message = OutboxMessage.objects.get(pk=rows["outboxmessage"])
    OutboxMessage.objects.update(dead_at=Now(), attempts=12)
    chosen = {"action": "send_again", "_selected_action": [message.pk]}
    with transaction.atomic():
        answer = root.post("/admin/voltop/outboxmessage/", chosen, follow=True)
    assert "1 messages are sent again" in answer.content.decode()
    message.refresh_from_db()
    assert (message.dead_at, message.attempts) == (None, 0)


def test_lists_need_no_query_per_row(root, rows, cast, django_assert_max_num_queries):
    for n in range(20):
        jobs.queue("x", actor=Actor.system("t", cast.a.pk), total=n)
        JobRun.objects.create(job="a", slot=str(n))
    assert Job.objects.count() > 20
    for table in ("job", "jobevent", "jobrun", "outboxmessage"):
        with django_assert_max_num_queries(12):
            root.get(f"/admin/voltop/{table}/")
