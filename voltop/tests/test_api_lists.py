"""Lists: keyset pages, orderings, filters, search, what changed since."""

import threading
from decimal import Decimal

import pytest
from django.db import connection, transaction

from fleets.models import Depot, FleetProvider
from voltop.api.pagination import decode_cursor, encode_cursor, open_since

VALUES = {"country": "MX", "currency": "MXN", "time_zone": "UTC"}


@pytest.fixture
def provider(db):
    return FleetProvider.objects.create(name="A", **VALUES)


@pytest.fixture
def depots(provider):
    """Eleven depots with ties and nulls in every column that can be ordered by."""
    rows = [
        Depot(
            provider=provider,
            name=f"Depot {n // 2 if n > 3 else n}" + ("x" * n if n > 3 else ""),
            time_zone="UTC",
            geofence_radius_m=[100, 200][n % 2],
            latitude=[None, Decimal("19.4"), Decimal("-3.25")][n % 3],
            longitude=[None, Decimal("-99.1"), Decimal("-38.5")][n % 3],
        )
        for n in range(11)
    ]
    return Depot.objects.bulk_create(rows)


@pytest.fixture
def api(caller, provider):
    return caller(provider_id=provider.pk)


def pages(api, query, cursor=""):
    """All rows of a list read page by page, and how many pages there were."""
    rows, count = [], 0
    while cursor is not None and count < 50:
        answer = api.get(f"/depots/?{query}" + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status_code == 200, answer.content
        rows += answer.json()["results"]
        cursor, count = answer.json()["next"], count + 1
    return rows, count


ORDERINGS = ["name", "-name", "geofence_radius_m", "-geofence_radius_m", "latitude", "-latitude"]


@pytest.mark.parametrize("size", [1, 2, 3, 10, 11, 200])
@pytest.mark.parametrize("ordering", ["", *ORDERINGS, "-updated_at"])
def test_pages_together_are_the_whole_list_in_order(api, depots, ordering, size):
    query = f"page_size={size}" + (f"&ordering={ordering}" if ordering else "")
    rows, count = pages(api, query)
    assert count == -(-11 // size)
    order = ordering or "id"
    tie = "-id" if order.startswith("-") else "id"
    assert [r["id"] for r in rows] == list(
        Depot.objects.order_by(order, tie).values_list("id", flat=True)
    )


def test_rows_added_and_removed_meanwhile_neither_repeat_nor_hide_others(api, depots):
    first = api.get("/depots/?page_size=4").json()
    Depot.objects.filter(pk__in=[r["id"] for r in first["results"]][1:3]).delete()
    rest, _count = pages(api, "page_size=4", first["next"])
    assert [r["id"] for r in first["results"]] + [r["id"] for r in rest] == [d.pk for d in depots]


def test_a_page_deep_down_is_found_by_an_index_condition(api, depots, django_assert_num_queries):
    from voltop.api.pagination import after, resolve_ordering

    keys = resolve_ordering(Depot, ("geofence_radius_m",))
    sql = str(Depot.objects.filter(after(keys, [100, 5])).query)
    assert '("fleets_depot"."geofence_radius_m", "fleets_depot"."id") > (100, 5)' in sql


@pytest.mark.parametrize(
    "size", ["0", "201", "-1", "abc", "1e2", "99999999999999999999", "", "%D9%A3"]
)
def test_a_page_size_out_of_range_is_refused(api, size):
    answer = api.get(f"/depots/?page_size={size}")
    assert (answer.status_code, answer.json()["code"]) == (400, "limit_out_of_range")


def test_a_broken_cursor_is_refused(api, depots):
    good = api.get("/depots/?page_size=2").json()["next"]
    flipped = good[:-3] + ("A" if good[-3] != "A" else "B") + good[-2:]
    for bad in ["", "x", "100", good[:-4], flipped, good + "AAAA", "é", "=" * 40, "A" * 3000]:
        answer = api.get(f"/depots/?page_size=2&cursor={bad}")
        assert answer.status_code == 400, bad
        assert answer.json()["code"] in ("bad_cursor", "invalid_utf8")


def test_a_cursor_belongs_to_its_ordering(api, depots):
    cursor = api.get("/depots/?page_size=2&ordering=name").json()["next"]
    answer = api.get(f"/depots/?page_size=2&ordering=-name&cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


def test_a_cursor_whose_values_no_longer_fit_is_refused(api, depots):
    for values in (["x"], [1, 2], []):
        answer = api.get(f"/depots/?cursor={encode_cursor('id', values, None)}")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


def test_a_cursor_reads_back_what_it_was_given():
    given = ("-name,id", ["Zoë's", 2**62], "2026-03-01T00:00:00Z")
    assert decode_cursor(encode_cursor(*given)) == (given[0], given[1], given[2])


@pytest.mark.parametrize(
    "name", ["provider__name", "-zzz", "address", "name,id", "--name", "?", "pk", ""]
)
def test_an_unknown_ordering_is_refused(api, name):
    answer = api.get(f"/depots/?ordering={name}")
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_ordering")
    assert "name" in answer.json()["extra"]["allowed"]


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("unknown=1", "unknown_parameter", "unknown"),
        ("limit=10", "unknown_parameter", "limit"),
        ("offset=100000000000000000000", "unknown_parameter", "offset"),
        ("page=2", "unknown_parameter", "page"),
        ("provider__name__startswith=a", "unknown_parameter", "provider__name__startswith"),
        ("name__startswith=a", "unknown_parameter", "name__startswith"),
        ("_connector=OR", "unknown_parameter", "_connector"),
        ("name=a&name=b", "duplicate_parameter", "name"),
        ("cursor=a&cursor=a", "duplicate_parameter", "cursor"),
        ("name=%00", "null_characters_not_allowed", "name"),
        ("%00=1", "null_characters_not_allowed", None),
        ("search=%00", "null_characters_not_allowed", "search"),
        ("search=%ff", "invalid_utf8", None),
        ("search=%ed%a0%80", "invalid_utf8", None),
        ("name=\xe9", "invalid_utf8", None),
        ("name=%1b%5b31m", "control_characters", "name"),
        ("name=", "blank", "name"),
        ("name=" + "a" * 201, "too_long", "name"),
        ("search=" + "a" * 101, "search_too_long", "search"),
        ("search=a+b+c+d+e+f", "search_too_long", "search"),
        ("search=", "blank", "search"),
        ("provider=abc", "invalid_number", "provider"),
        ("provider=0", "out_of_range", "provider"),
        ("provider=9223372036854775808", "out_of_range", "provider"),
        ("provider=%D9%A1", "invalid_number", "provider"),
        ("radius_from=1.0", "invalid_number", "radius_from"),
        ("radius_from=2147483648", "out_of_range", "radius_from"),
        ("retired=1", "boolean_expected", "retired"),
        ("changed_from=2026-03-01", "invalid_datetime", "changed_from"),
        ("changed_from=2026-03-01T00:00:00", "offset_required", "changed_from"),
        ("updated_since=yesterday", "invalid_datetime", "updated_since"),
        ("&".join(f"p{n}=1" for n in range(51)), "bad_request", None),
    ],
)
def test_a_query_string_is_read_strictly(api, query, code, field):
    answer = api.client.generic(
        "GET", "/api/v1/depots/", QUERY_STRING=query, headers={"Authorization": "Bearer ana"}
    )
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, code)
    assert [e["field"] for e in problem["errors"]] == ([field] if field else [])


def test_an_operation_that_is_no_list_takes_no_parameters(api, depots):
    answer = api.get(f"/depots/{depots[0].pk}/?page_size=5")
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")


def names(api, query):
    answer = api.get(f"/depots/?{query}")
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def test_filters_narrow(api, depots, provider):
    assert names(api, "name=Depot+1") == ["Depot 1"]
    assert len(names(api, "radius_from=200")) == 5
    assert len(names(api, f"provider={provider.pk}")) == 11
    assert names(api, f"provider={provider.pk + 1}") == []
    assert len(names(api, "retired=false")) == 11
    assert names(api, "retired=true") == []
    assert names(api, "changed_from=2100-01-01T00:00:00Z") == []


def test_search_wants_every_word_and_takes_no_wildcards(api, depots):
    assert names(api, "search=depot+1") == ["Depot 1"]
    assert names(api, "search=DEPOT+%31") == ["Depot 1"]
    assert names(api, "search=%25") == []
    assert names(api, "search=Depot+_") == []


def test_a_foreign_row_cannot_be_found_by_any_filter(caller, depots, provider):
    other = FleetProvider.objects.create(name="B", **VALUES)
    Depot.objects.create(provider=other, name="Secret", time_zone="UTC")
    api = caller(provider_id=provider.pk)
    for query in (f"provider={other.pk}", "name=Secret", "search=Secret"):
        assert names(api, query) == []


def test_a_choice_filter_takes_several_of_its_values():
    from fleets.models import FleetProviderStatus
    from voltop.api.filters import ChoiceFilter, FilterSet

    class ByStatus(FilterSet):
        status = ChoiceFilter(choices=FleetProviderStatus)

    def errors(text):
        filters = ByStatus(data={"status": text}, queryset=FleetProvider.objects.all())
        filters.is_valid()
        return [e.code for e in filters.errors.as_data().get("status", [])]

    assert errors("active,suspended") == []
    for bad in ("", "Active", "active,", "nope", ",".join(["active"] * 9)):
        assert errors(bad) == ["invalid_choice"]


def test_a_filter_set_declares_its_filters_one_by_one():
    from voltop.api.filters import FilterSet

    with pytest.raises(TypeError, match="one by one"):

        class Generated(FilterSet):
            class Meta:
                model = Depot
                fields = ("name",)


def test_what_changed_since_comes_with_the_next_since(api, depots):
    answer = api.get("/depots/?updated_since=2000-01-01T00:00:00Z&page_size=4").json()
    since = answer["next_since"]
    assert len(answer["results"]) == 4
    second = api.get(
        f"/depots/?updated_since=2000-01-01T00:00:00Z&page_size=4&cursor={answer['next']}"
    ).json()
    assert second["next_since"] == since
    assert "next_since" not in api.get("/depots/").json()


def test_next_since_reaches_back_to_the_oldest_open_transaction(committed_db):
    """A row written before the reading but committed after it is found the next time."""
    opened, read = threading.Event(), threading.Event()
    written = {}

    def slow_writer():
        try:
            with transaction.atomic():
                provider = FleetProvider.objects.create(name="late", **VALUES)
                opened.set()
                assert read.wait(10)
                FleetProvider.objects.filter(pk=provider.pk).update(name="later")
            written["at"] = FleetProvider.objects.get(pk=provider.pk).updated_at
        finally:
            opened.set()
            connection.close()

    thread = threading.Thread(target=slow_writer)
    thread.start()
    assert opened.wait(10)
    since = open_since()
    assert not FleetProvider.objects.exists()
    read.set()
    thread.join(10)
    assert since <= written["at"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        assert written["at"] < cursor.fetchone()[0]
    assert open_since() > written["at"]
