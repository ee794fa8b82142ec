"""People: one user each, roles per provider that count only there."""

import pytest
from django.db import IntegrityError, transaction

from fleets import services
from fleets.errors import AlreadyMember, LastOwner, LimitReached
from fleets.models import FleetProvider, Membership
from fleets.selectors import roles_of
from voltop.errors import NotFound


def test_a_person_has_one_standing_role_at_a_provider(cast):
    with pytest.raises(AlreadyMember):
        services.add_member(cast.a, cast.viewer, actor=cast.actor(), role="support")
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(provider=cast.a, user=cast.viewer, role="support")


def test_the_last_owner_stays(cast):
    membership = Membership.objects.get(user=cast.owner)
    with pytest.raises(LastOwner):
        services.change_role(membership, actor=cast.actor(), role="viewer")
    with pytest.raises(LastOwner):
        services.end_membership(membership, actor=cast.actor())
    services.change_role(
        Membership.objects.get(user=cast.manager), actor=cast.actor(), role="owner"
    )
    assert services.end_membership(membership, actor=cast.actor()).ended_at is not None


def test_a_changed_role_and_an_ended_one_end_the_persons_tokens(cast, api):
    client = api(cast.viewer)
    assert client.get("/api/v1/drivers").status_code == 200
    membership = Membership.objects.get(user=cast.viewer)
    services.change_role(membership, actor=cast.actor(), role="support")
    assert client.get("/api/v1/drivers").status_code == 401
    cast.viewer.refresh_from_db()
    again = api(cast.viewer)
    assert again.get("/api/v1/drivers").status_code == 200
    services.end_membership(membership, actor=cast.actor())
    assert again.get("/api/v1/drivers").status_code == 401


def test_a_company_cannot_put_out_who_works_for_another(cast, api):
    """It has what it gave; log-ins of the person are none of that."""
    at_b = api(cast.outsider, **{"X-Voltop-Provider": str(cast.b.pk)})
    at_a = api(cast.outsider, **{"X-Voltop-Provider": str(cast.a.pk)})
    membership = services.add_member(cast.a, cast.outsider, actor=cast.actor(), role="manager")
    assert at_a.get("/api/v1/webhook-endpoints").status_code == 200
    services.change_role(membership, actor=cast.actor(), role="viewer")
    assert at_a.get("/api/v1/webhook-endpoints").status_code == 403
    services.end_membership(membership, actor=cast.actor())
    assert at_a.get("/api/v1/drivers").status_code == 404
    assert at_b.get("/api/v1/drivers").status_code == 200


def test_an_ended_membership_has_no_role_to_change(cast, api):
    membership = services.add_member(cast.a, cast.outsider, actor=cast.actor(), role="viewer")
    services.end_membership(membership, actor=cast.actor())
    answer = api(cast.owner).patch(
        f"/api/v1/memberships/{membership.pk}", {"role": "owner"}, format="json"
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    membership.refresh_from_db()
    assert membership.role == "viewer"


def test_the_limit_of_users_holds(cast):
    cast.owner  # noqa: B018 (the scene's one user)
    FleetProvider.objects.filter(pk=cast.a.pk).update(max_users=1)
    with pytest.raises(LimitReached) as refused:
        services.invite_member(
            cast.a, actor=cast.actor(), email="n@x.example", full_name="N", role="viewer"
        )
    assert refused.value.extra == {"limit": "max_users", "allowed": 1}


def test_an_owner_at_one_company_is_a_viewer_at_another(cast, api):
    services.add_member(cast.b, cast.owner, actor=cast.actor(cast.b), role="viewer")
    assert roles_of(cast.owner) == {
        cast.a.pk: frozenset({"owner"}),
        cast.b.pk: frozenset({"viewer"}),
    }
    body = {"name": "Norte"}
    at_a = api(cast.owner, **{"X-Voltop-Provider": str(cast.a.pk)})
    at_b = api(cast.owner, **{"X-Voltop-Provider": str(cast.b.pk)})
    assert at_a.post("/api/v1/depots", body, format="json").status_code == 201
    assert at_b.post("/api/v1/depots", body, format="json").status_code == 403
    assert [d["name"] for d in at_b.get("/api/v1/depots").json()["results"]] == []
    unnamed = api(cast.owner).get("/api/v1/depots")
    assert (unnamed.status_code, unnamed.json()["code"]) == (403, "provider_required")


def test_a_provider_that_is_not_ones_own_is_missing(cast, api):
    client = api(cast.viewer, **{"X-Voltop-Provider": str(cast.b.pk)})
    assert client.get("/api/v1/depots").status_code == 404


def test_another_providers_owner_cannot_touch_a_membership(cast, api):
    membership = Membership.objects.get(user=cast.viewer)
    with pytest.raises(NotFound):
        services.end_membership(membership, actor=cast.actor(cast.b))
    answer = api(cast.outsider).post(f"/api/v1/memberships/{membership.pk}/end", {}, format="json")
    assert answer.status_code == 404
