"""Inviting somebody tells nothing about them and disturbs nothing, until they take it up."""

import csv
import re
from importlib import import_module

import pytest
from django.db import connection

from chat.services import staff
from drivers import services as driver_services
from drivers.models import Driver
from fleets import services
from fleets.models import AuditEntry, Membership, User
from fleets.notices import ENDPOINT_DISABLED
from fleets.services import notices
from fleets.tests.logins import Api, code_in, post_out
from voltop.context import Actor
from voltop.tests.cast import PASSWORD

pytestmark = pytest.mark.django_db

TYPED = "Pat Person"
UNKNOWN = "somebody@new.example"


def invite(cast, email, role="support") -> Membership:
    return services.invite_member(
        cast.a, actor=cast.actor(), email=email, full_name=TYPED, role=role
    )


def at(cast, provider, api, user):
    return api(user, **{"X-Voltop-Provider": str(provider.pk)})


def alike(text: bytes, *own: object) -> str:
    """An answer without what must differ: the row's own key and address, and times."""
    shown = text.decode()
    for word in own:
        shown = re.sub(rf"(?<![\w@.]){re.escape(str(word))}(?![\w@.])", "…", shown)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "then", shown)


# --- What a company sees -------------------------------------------------------------------------
def test_a_known_and_an_unknown_person_look_alike_byte_for_byte(cast, api):
    known = cast.outsider
    client, seen = api(cast.owner), []
    for email in (known.email, UNKNOWN):
        body = {"email": email, "full_name": TYPED, "role": "support"}
        made = client.post("/api/v1/memberships", body, format="json")
        pk = made.json()["id"]
        own = (pk, email)
        answers = [
            made,
            client.get(f"/api/v1/memberships/{pk}"),
            client.post(f"/api/v1/memberships/{pk}/invite-again"),
            client.patch(f"/api/v1/memberships/{pk}", {"role": "viewer"}, format="json"),
            client.post(f"/api/v1/memberships/{pk}/end", {"reason": "typo"}, format="json"),
        ]
        assert [answer.status_code for answer in answers] == [201, 200, 202, 200, 200]
        seen.append([alike(answer.content, *own) for answer in answers])
    assert seen[0] == seen[1]
    shown = client.get(f"/api/v1/memberships/{pk}").json()
    assert (shown["user"], shown["full_name"], shown["joined_at"]) == (None, TYPED, None)
    assert User.objects.filter(email=known.email).count() == 1


def test_what_is_written_down_tells_them_apart_as_little(cast):
    told, actor = [], cast.actor()
    for email in (cast.outsider.email, UNKNOWN):
        before = set(AuditEntry.objects.unscoped().values_list("pk", flat=True))
        membership = invite(cast, email)
        services.invite_member_again(membership, actor=actor)
        entries = AuditEntry.objects.for_provider(cast.a.pk).exclude(pk__in=before).order_by("pk")
        told.append(
            [
                (e.action, e.object_type, e.object_id == str(membership.pk), e.changes)
                for e in entries
            ]
        )
    assert told[0] == told[1]
    assert [action for action, *_rest in told[0]] == ["membership.created", "invitation.sent_again"]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_exported_list_tells_no_more(cast, api, form):
    invite(cast, cast.outsider.email)
    answer = api(cast.owner).get(f"/api/v1/memberships?export={form}")
    content = b"".join(answer) if answer.streaming else answer.content
    assert answer.status_code == 200
    if form == "csv":
        [row] = [row for row in csv.DictReader(content.decode("utf-8-sig").splitlines())
                 if row["email"] == cast.outsider.email]  # fmt: skip
        assert (row["user"], row["full_name"]) == ("", TYPED)


def test_the_admin_shows_what_was_typed_and_nothing_else(cast, client):
    known = cast.outsider
    User.objects.filter(pk=known.pk).update(phone="+4915112345678", language="pt")
    membership = invite(cast, known.email)
    client.force_login(cast.owner)
    for path in (
        "fleets/membership/",
        f"fleets/membership/?q={TYPED.split()[0]}",
        f"fleets/membership/{membership.pk}/change/",
    ):
        page = client.get(f"/admin/{path}").content.decode()
        assert TYPED in page, path
        assert known.email in page, path
        assert str(known) not in page, path
        assert f"fleets/user/{known.pk}/" not in page, path
    people = client.get("/admin/fleets/user/").content.decode()
    assert cast.owner.email in people
    assert known.email not in people
    assert client.get(f"/admin/fleets/user/{known.pk}/change/").status_code == 302
    found = client.get(f"/admin/fleets/membership/?q={known.full_name.split()[0]}+Brisa")
    assert str(known.email) not in found.content.decode()


def test_they_cannot_be_given_work_nor_are_they_told_of_the_company_s(cast, api):
    known = cast.outsider
    invite(cast, known.email, "owner")
    refused = api(cast.owner).post(
        "/api/v1/on-call", {"user": known.pk, "position": 1}, format="json"
    )
    assert refused.status_code == 400
    assert known not in staff.leads_of(cast.a.pk)
    assert not staff.answers_here(known, cast.a.pk)
    before = known.notices.count()
    notices.notify_owners(cast.a.pk, ENDPOINT_DISABLED.name, about=cast.depot())
    assert known.notices.count() == before
    assert cast.owner.notices.filter(kind=ENDPOINT_DISABLED.name).count() == 1


def test_a_driver_s_invitation_tells_no_more_than_was_typed(cast, api):
    known, client, seen = cast.foreign_driver, api(cast.owner), []
    User.objects.filter(pk=known.user_id).update(full_name="Detlef Real", language="pt")
    for email in (known.email, UNKNOWN):
        body = {"given_name": "Pat", "family_name": "Person", "email": email}
        made = client.post("/api/v1/drivers", body, format="json")
        pk = made.json()["id"]
        again = client.post(f"/api/v1/drivers/{pk}/invite-again")
        audited = client.get(f"/api/v1/audit?object_type=drivers.driver&object_id={pk}").json()
        assert (made.status_code, again.status_code) == (201, 202)
        seen.append(
            [
                *(alike(answer.content, pk, email) for answer in (made, again)),
                [(entry["action"], entry["changes"]) for entry in audited["results"]],
            ]
        )
    assert seen[0] == seen[1]
    actions = AuditEntry.objects.for_provider(cast.a.pk).values_list("action", flat=True)
    assert "user.created" not in set(actions)


# --- What it does to the invited -----------------------------------------------------------------
def ask(client) -> int:
    return client.get("/api/v1/depots").status_code


def test_an_invitation_does_not_disturb_who_works_elsewhere(cast, api, client):
    phone = api(cast.outsider)
    assert ask(phone) == 200
    membership = invite(cast, cast.outsider.email)
    assert ask(phone) == 200
    client.force_login(cast.outsider)
    assert client.get("/admin/").wsgi_request.active_provider == cast.b
    membership.refresh_from_db()
    assert membership.joined_at is None


def list_as_driver(cast, api, email, move="") -> Driver:
    """As staff of A may do by themselves: make the record, and move it on."""
    office, path = api(cast.owner), "/api/v1/drivers"
    body = {"given_name": "Pat", "family_name": "Person", "email": email}
    pk = office.post(path, body, format="json").json()["id"]
    if move == "bulk":
        for way in ("bulk-onboard", "bulk-activate"):
            done = office.post(f"{path}/{way}", {"ids": [pk]}, format="json")
            assert done.status_code == 200, done.content
    elif move:
        for way in ("onboard", "activate", "suspend", "leave", "terminate"):
            done = office.post(f"{path}/{pk}/{way}", {"reason": "so be it"}, format="json")
            assert done.status_code == 200, done.content
            if way == move:
                break
    driver = Driver.objects.get(pk=pk)
    wanted = {"": "invited", "bulk": "active", "onboard": "onboarding", "terminate": "terminated"}
    assert (driver.status, driver.joined_at) == (wanted[move], None)
    return driver


@pytest.mark.parametrize("move", ["", "onboard", "bulk", "terminate"])
def test_nor_does_a_driver_s_record_whatever_staff_do_with_it(cast, api, move):
    driver, today = cast.foreign_driver, "/api/v1/me/today"
    phone = api(driver.user)
    assert phone.get(today).json()["driver"]["id"] == driver.pk
    second = list_as_driver(cast, api, driver.email, move)
    assert second.user_id == driver.user_id
    assert phone.get(today).json()["driver"]["id"] == driver.pk
    assert api(driver.user).get(today).json()["driver"]["id"] == driver.pk
    companies = phone.get("/api/v1/auth/me").json()["providers"]
    assert {company["id"] for company in companies} == {cast.a.pk, cast.b.pk}
    second.refresh_from_db()
    assert second.joined_at is None

    there = at(cast, cast.a, api, driver.user)
    assert there.get(today).json()["driver"]["id"] == second.pk
    second.refresh_from_db()
    assert second.joined_at is not None
    unnamed = phone.get(today)
    assert (unnamed.status_code, unnamed.json()["code"]) == (403, "provider_required")
    assert at(cast, cast.b, api, driver.user).get(today).json()["driver"]["id"] == driver.pk
    entry = AuditEntry.objects.get(action="driver.joined", provider_id=cast.a.pk)
    assert (entry.actor, entry.object_id) == (f"user:{driver.user_id}", str(second.pk))


def test_who_drives_nowhere_else_joins_at_the_first_request(cast, api):
    user = User.objects.create_user("free@x.example", PASSWORD, full_name="Free")
    driver = list_as_driver(cast, api, user.email, "bulk")
    assert api(user).get("/api/v1/auth/me").status_code == 200
    driver.refresh_from_db()
    assert driver.joined_at is None, "to look at one's account is no answer"
    assert api(user).get("/api/v1/me/today").status_code == 200
    driver.refresh_from_db()
    version = driver.row_version
    assert api(user).get("/api/v1/me/today").status_code == 200
    driver.refresh_from_db()
    assert (driver.joined_at is not None, driver.row_version) == (True, version)


def test_nobody_joins_for_somebody_else_nor_by_a_write_of_staff(cast, api):
    driver, office = list_as_driver(cast, api, cast.foreign_driver.email), api(cast.owner)
    driver_services.join_driver(driver, actor=cast.actor())
    driver_services.join_driver(driver, actor=Actor("client", driver.user_id, cast.a.pk))
    path, then = f"/api/v1/drivers/{driver.pk}", "2026-01-01T00:00:00Z"
    refused = office.patch(path, {"joined_at": then}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "joined_at")
    assert office.get(path).json()["joined_at"] is None
    joined = Driver.objects.get(pk=driver.pk).joined_at
    assert joined is None


def test_what_staff_do_with_a_known_and_an_unknown_driver_looks_alike(cast, api, client):
    known, seen = cast.foreign_driver, []
    User.objects.filter(pk=known.user_id).update(full_name="Detlef Real", language="pt")
    office = api(cast.owner)
    client.force_login(cast.owner)
    for email in (known.email, UNKNOWN):
        driver = list_as_driver(cast, api, email, "bulk")
        pk, answers = driver.pk, []
        for path in (f"drivers/{pk}", f"drivers/{pk}/events", f"drivers?search={email}",
                     f"drivers?search={email}&export=csv",
                     f"audit?object_type=drivers.driver&object_id={pk}"):  # fmt: skip
            answer = office.get(f"/api/v1/{path}")
            assert answer.status_code == 200, path
            shown = b"".join(answer) if answer.streaming else answer.content
            answers.append(re.sub(r'"(id|seq|next|hash)":[^,}]+', r"\1", alike(shown, pk, email)))
        page = client.get(f"/admin/drivers/driver/{pk}/change/").content.decode()
        assert "Detlef" not in page
        assert f"fleets/user/{driver.user_id}/" not in page
        seen.append(answers)
        moved = office.patch(
            f"/api/v1/drivers/{pk}", {"email": f"{pk}@else.example"}, format="json"
        )
        assert moved.status_code == 200
        driver.refresh_from_db()
        assert driver.user.email == f"{pk}@else.example", "another address is another invitation"
    assert seen[0] == seen[1]


def test_once_joined_another_address_is_no_other_log_in(cast, api):
    driver = list_as_driver(cast, api, cast.foreign_driver.email)
    assert at(cast, cast.a, api, driver.user).get("/api/v1/me/today").status_code == 200
    changed = driver_services.update_driver(driver, actor=cast.actor(), email="new@x.example")
    assert (changed.status, changed.user_id) == ("invited", cast.foreign_driver.user_id)


def test_a_record_elsewhere_does_not_keep_tokens_that_a_new_role_ends(cast, api):
    user = cast.person(cast.b, "viewer")
    list_as_driver(cast, api, user.email, "onboard")
    phone = api(user)
    membership = Membership.objects.for_provider(cast.b.pk).get(user=user)
    services.change_role(membership, actor=cast.actor(cast.b), role="support")
    assert phone.get("/api/v1/auth/me").status_code == 401


def test_a_new_role_of_somebody_invited_ends_no_log_in(cast, api):
    user = User.objects.create_user("free@x.example", PASSWORD, full_name="Free")
    phone = api(user)
    membership = invite(cast, user.email)
    services.change_role(membership, actor=cast.actor(), role="viewer")
    services.end_membership(membership, actor=cast.actor())
    assert phone.get("/api/v1/auth/me").status_code == 200


# --- Taking it up --------------------------------------------------------------------------------
def test_whoever_names_the_company_has_joined_it(cast, api):
    known = cast.outsider
    membership = invite(cast, known.email)
    assert ask(at(cast, cast.a, api, known)) == 200
    membership.refresh_from_db()
    assert (membership.joined_at is not None, membership.invited_name) == (True, "")
    version = membership.row_version
    assert ask(at(cast, cast.a, api, known)) == 200
    membership.refresh_from_db()
    assert membership.row_version == version, "written once"
    shown = api(cast.owner).get(f"/api/v1/memberships/{membership.pk}").json()
    assert (shown["user"], shown["full_name"]) == (known.pk, known.full_name)
    entry = AuditEntry.objects.get(action="membership.joined")
    assert (entry.actor, entry.object_id) == (f"user:{known.pk}", str(membership.pk))
    unnamed = api(known).get("/api/v1/depots")
    assert unnamed.json()["code"] == "provider_required"


def test_whoever_chooses_it_in_the_admin_has_joined_it(cast, client):
    membership = invite(cast, cast.outsider.email)
    client.force_login(cast.outsider)
    session = client.session
    session["voltop_provider_id"] = cast.a.pk
    session.save()
    assert client.get("/admin/").wsgi_request.active_provider == cast.a
    membership.refresh_from_db()
    assert membership.joined_at is not None


def test_who_has_no_other_company_joins_at_the_first_request(cast, api):
    user = User.objects.create_user("free@x.example", PASSWORD, full_name="Free")
    membership = invite(cast, user.email)
    assert api(user).get("/api/v1/auth/me").status_code == 200
    membership.refresh_from_db()
    assert membership.joined_at is None, "to look at one's account is no answer"
    assert ask(api(user)) == 200
    membership.refresh_from_db()
    assert membership.joined_at is not None


def test_of_several_invitations_one_is_named(cast, api):
    user = User.objects.create_user("free@x.example", PASSWORD, full_name="Free")
    for provider in (cast.a, cast.b):
        services.invite_member(
            provider, actor=cast.actor(provider), email=user.email, full_name="F", role="viewer"
        )
    assert api(user).get("/api/v1/depots").json()["code"] == "provider_required"
    assert ask(at(cast, cast.b, api, user)) == 200
    assert ask(api(user)) == 200


def test_where_a_second_factor_is_demanded_nobody_joins_without(cast, api, client):
    services.change_policy(
        cast.a, actor=cast.actor(), values={"second_factor_roles": ["owner", "support"]}
    )
    membership = invite(cast, cast.outsider.email)
    refused = at(cast, cast.a, api, cast.outsider).get("/api/v1/depots")
    assert refused.json()["code"] == "second_factor_missing"
    client.force_login(cast.outsider)
    session = client.session
    session["voltop_provider_id"] = cast.a.pk
    session.save()
    assert client.get("/admin/").status_code == 302
    membership.refresh_from_db()
    assert membership.joined_at is None


def test_the_invitation_s_code_joins_the_company_that_sent_it_and_no_other(cast):
    first, second = (
        services.invite_member(
            provider, actor=cast.actor(provider), email=UNKNOWN, full_name=name, role="viewer"
        )
        for provider, name in ((cast.a, "Pat A"), (cast.b, "Pat B"))
    )
    code = code_in(post_out()[-1].body)
    answer = Api().post("auth/invitation", {"code": code, "new_password": PASSWORD})
    assert answer.status_code == 200
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.joined_at, first.shown_name) == (None, "Pat A")
    assert second.joined_at is not None
    assert Api(answer.json()["access_token"]).get("depots").status_code == 200


def test_an_ended_invitation_is_not_taken_up(cast, api):
    membership = invite(cast, cast.outsider.email)
    services.end_membership(membership, actor=cast.actor())
    assert ask(at(cast, cast.a, api, cast.outsider)) == 404
    membership.refresh_from_db()
    assert (membership.joined_at, membership.shown_name) == (None, TYPED)


# --- What stood before ---------------------------------------------------------------------------
def test_the_migration_takes_for_joined_who_can_log_in(cast):
    works, waits, elsewhere = cast.owner, invite(cast, UNKNOWN).user, cast.outsider
    other = User.objects.create_user("other@new.example", None, full_name="Typed At B")
    services.add_member(cast.a, other, actor=cast.actor(), role="viewer")
    Membership.objects.unscoped().update(joined_at=None, invited_name="")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        old = "UPDATE fleets_user SET created_at = created_at - interval '1 day' WHERE id = %s"
        cursor.execute(old, [other.pk])
        steps = import_module("fleets.migrations.0020_joined_memberships")
        for statement in (steps.JOINED, steps.TYPED):
            cursor.execute(statement)
    found = {m.user_id: m for m in Membership.objects.unscoped()}
    assert all(found[user.pk].joined_at == found[user.pk].created_at for user in (works, elsewhere))
    told = [(found[user.pk].joined_at, found[user.pk].invited_name) for user in (waits, other)]
    assert told == [(None, TYPED), (None, "")]


def test_the_migration_takes_a_driver_s_own_answer_or_first_company(cast, api):
    user = User.objects.create_user("free@x.example", PASSWORD, full_name="Free")
    first, listed = (
        cast.foreign_driver,
        list_as_driver(cast, api, cast.foreign_driver.email, "bulk"),
    )
    only = list_as_driver(cast, api, user.email, "onboard")
    invited = list_as_driver(cast, api, UNKNOWN)
    answered = driver_services.invite_driver(
        cast.b, actor=cast.actor(cast.b), given_name="P", family_name="P", email=UNKNOWN
    )
    code = code_in(post_out()[-1].body)
    assert (
        Api().post("auth/invitation", {"code": code, "new_password": PASSWORD}).status_code == 200
    )
    elsewhere = list_as_driver(cast, api, cast.outsider.email, "bulk")
    Driver.objects.unscoped().update(joined_at=None)
    with connection.cursor() as cursor:
        cursor.execute(import_module("drivers.migrations.0012_joined_drivers").JOINED)
    found = dict(Driver.objects.unscoped().values_list("pk", "joined_at"))
    joined = {pk for pk, joined_at in found.items() if joined_at}
    assert joined == {first.pk, only.pk, answered.pk}
    assert not joined & {listed.pk, invited.pk, elsewhere.pk}
    assert found[only.pk] == only.created_at
