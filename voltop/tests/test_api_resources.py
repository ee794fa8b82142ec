"""Viewsets of the strict base: whose rows, who may, versions, methods, routes."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from rest_framework.routers import SimpleRouter

from fleets.models import Depot, FleetProvider
from voltop.api.viewsets import ListRetrieveViewSet, ProviderViewSet
from voltop.tests.api_views import CALLERS, Caller, DepotSerializer, DepotViewSet
from voltop.tests.conftest import Api
from voltop.tests.parallel import at_once


@pytest.fixture
def providers(db):
    values = {"country": "MX", "currency": "MXN", "time_zone": "America/Tijuana"}
    return [FleetProvider.objects.create(name=name, **values) for name in ("A", "B")]


@pytest.fixture
def depot(providers):
    return Depot.objects.create(provider=providers[0], name="North", time_zone="UTC")


def test_a_row_of_the_own_provider_is_shown(caller, depot):
    answer = caller(provider_id=depot.provider_id).get(f"/depots/{depot.pk}/")
    assert answer.status_code == 200
    assert answer.json()["name"] == "North"
    assert answer.json()["updated_at"].endswith("Z")
    assert answer["ETag"] == '"1"'
    assert answer["Cache-Control"] == "no-store"


def test_another_providers_row_is_as_absent_as_a_missing_one(caller, depot, providers):
    api = caller(provider_id=providers[1].pk)

    def body(pk):
        answer = api.get(f"/depots/{pk}/", **{"X-Request-Id": "same-for-both"})
        return answer.status_code, answer.content, dict(answer.headers)

    assert body(depot.pk) == body(depot.pk + 1000)
    assert body(depot.pk)[0] == 404


def test_without_a_provider_there_is_nothing(caller, depot):
    assert caller(provider_id=None).get(f"/depots/{depot.pk}/").status_code == 404
    assert caller(provider_id=None).get("/depots/").json() == {"next": None, "results": []}


def test_the_function_is_judged_before_the_object(caller, depot):
    api = caller(provider_id=depot.provider_id, permissions=("fleets.view_depot",))
    for pk in (depot.pk, depot.pk + 1000):
        answer = api.send("PATCH", f"/depots/{pk}/", {"name": "x"})
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert answer.json()["extra"] == {"permission": "fleets.change_depot"}


def test_without_credentials_it_is_401(stranger):
    answer = stranger.get("/depots/")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_an_open_operation_needs_no_credentials(db, stranger):
    assert stranger.get("/everything/?how=select+1").status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_405(method, caller, providers):
    answer = caller(provider_id=providers[0].pk).send(method, "/depots/")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in answer["Allow"]


def test_head_is_get_without_a_body(caller, depot):
    answer = caller(provider_id=depot.provider_id).send("HEAD", f"/depots/{depot.pk}/")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/depots/%00/",
        "/depots/1%0a/",
        "/depots/1/%0a",
        "/depots/-1/",
        "/depots/..%2f1/",
        "/depots/%F0%9F%9A%97/",
        "/depots/%D9%A1/",
        "/depots/1.json",
        "/depots.json",
        "/nothing/%ff",
        "/../admin/",
        "/a.b.c/d",
    ],
)
def test_what_is_no_route_is_404_in_json(path, caller, providers):
    answer = caller(provider_id=providers[0].pk).get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("pk", [2**63, 10**19 - 1, 2**63 - 1, 0])
def test_ids_beyond_any_row_are_404(pk, caller, providers):
    assert caller(provider_id=providers[0].pk).get(f"/depots/{pk}/").status_code == 404


def test_the_final_slash_may_be_left_out(caller, depot):
    api = caller(provider_id=depot.provider_id)
    assert api.get(f"/depots/{depot.pk}").status_code == 200
    assert api.post("/depots", {"name": "South"}).status_code == 201


def test_a_write_answers_with_what_the_database_holds(caller, depot):
    api = caller(provider_id=depot.provider_id)
    answer = api.send("PATCH", f"/depots/{depot.pk}/", {"name": "Norte"})
    assert answer.json()["name"] == "Norte"
    assert answer["ETag"] == '"2"'


def test_a_stale_version_is_412_and_changes_nothing(caller, depot):
    api = caller(provider_id=depot.provider_id)
    url = f"/depots/{depot.pk}/"
    assert api.send("PATCH", url, {"name": "B"}, **{"If-Match": '"1"'}).status_code == 200
    answer = api.send("PATCH", url, {"name": "C"}, **{"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["code"]) == (412, "stale_version")
    assert answer.json()["extra"] == {"current": 2}
    depot.refresh_from_db()
    assert depot.name == "B"


@pytest.mark.parametrize("etag", ["1", 'W/"1"', '"a"', '"1", "2"', ""])
def test_an_etag_that_was_never_given_is_refused(etag, caller, depot):
    api = caller(provider_id=depot.provider_id)
    answer = api.send("PATCH", f"/depots/{depot.pk}/", {"name": "B"}, **{"If-Match": etag})
    assert (answer.status_code, answer.json()["code"]) == (400, "if_match_invalid")


def test_a_relation_of_another_provider_is_refused_like_any_nonsense(caller, depot, providers):
    own = caller("own", provider_id=depot.provider_id)
    foreign = caller("foreign", provider_id=providers[1].pk)
    assert own.post("/everything/", {"depot": depot.pk}).json() == {"depot": depot.pk}
    problems = []
    for value in (
        depot.pk,
        depot.pk + 1000,
        2**63 - 1,
        0,
        -1,
        "abc",
        str(depot.pk),
        [1],
        1.5,
        True,
    ):
        answer = foreign.post("/everything/", {"depot": value}, **{"X-Request-Id": "same-each"})
        assert answer.status_code == 400
        problems.append(answer.content)
    assert len(set(problems)) == 1
    assert b'"object_not_found"' in problems[0]


def test_a_request_id_is_kept_if_well_formed_and_made_otherwise(caller, providers):
    api = caller(provider_id=providers[0].pk)
    assert api.get("/depots/", **{"X-Request-Id": "abc-123.XYZ"})["X-Request-Id"] == "abc-123.XYZ"
    for bad in ("short", "a" * 65, "semi;colon;here", "line\\nbreak"):
        made = api.get("/depots/", **{"X-Request-Id": bad})["X-Request-Id"]
        assert made != bad
        assert len(made) == 32


def routed(viewset):
    router = SimpleRouter()
    router.register("x", viewset, basename="x")
    return router.urls


def test_an_action_without_a_permission_cannot_be_routed():
    class Forgetful(ListRetrieveViewSet):
        queryset = Depot.objects.all()
        serializer_class = DepotSerializer
        permissions = {"list": "fleets.view_depot"}

    with pytest.raises(ImproperlyConfigured, match="no permission for 'retrieve'"):
        routed(Forgetful)


def test_an_ordering_that_cannot_page_cannot_be_routed():
    class Across(DepotViewSet):
        ordering_fields = ("provider__name",)

    with pytest.raises(ImproperlyConfigured, match="provider__name"):
        routed(Across)


@pytest.mark.parametrize(
    "name",
    [
        "as_view",
        "check_permissions",
        "dispatch",
        "filter_queryset",
        "get_object",
        "get_permissions",
        "get_queryset",
        "initial",
        "paginate_queryset",
        "permission_classes",
    ],
)
def test_the_protected_methods_cannot_be_overridden(name):
    with pytest.raises(ImproperlyConfigured, match=name):
        type("Sly", (ProviderViewSet,), {name: None, "__module__": "fleets.views"})


def test_a_list_costs_one_query_whatever_its_length(caller, providers, django_assert_num_queries):
    Depot.objects.bulk_create(
        Depot(provider=providers[0], name=f"D{n}", time_zone="UTC") for n in range(200)
    )
    api = caller(provider_id=providers[0].pk)
    for size in (1, 200):
        with django_assert_num_queries(1, connection=connection):
            assert len(api.get(f"/depots/?page_size={size}").json()["results"]) == size


def test_of_two_changes_of_one_version_only_the_first_is_made(committed_db, test_urls):
    values = {"country": "MX", "currency": "MXN", "time_zone": "UTC"}
    provider = FleetProvider.objects.create(name="A", **values)
    depot = Depot.objects.create(provider=provider, name="North", time_zone="UTC")
    CALLERS["ana"] = Caller(provider_id=provider.pk)

    def change(name):
        headers = {"If-Match": '"1"'}
        return lambda: Api("ana").send("PATCH", f"/depots/{depot.pk}/", {"name": name}, **headers)

    answers = at_once([change(f"Name {n}") for n in range(8)])
    assert sorted(a.status_code for a in answers) == [200] + [412] * 7
    depot.refresh_from_db()
    assert depot.row_version == 2
