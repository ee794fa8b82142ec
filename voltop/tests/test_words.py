"""Fields in words, values as people read them, and the sidebar that leads to them."""

from decimal import Decimal

import pytest
from django.apps import apps
from django.urls import reverse

from fleets.admin.shown import codes, duration, money, name_of, plain_number, shown_field
from fleets.models import Membership
from voltop.words import in_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("soc_pct", "SoC (%)"),
        ("km", "distance (km)"),
        ("gap_km", "gap (km)"),
        ("wh_per_km", "Wh per km"),
        ("payable_amount", "payable"),
        ("starts_at", "starts"),
        ("pay_on", "pay day"),
        ("at", "at"),
        ("vin", "VIN"),
        ("business_date", "business date"),
    ],
)
def test_a_column_s_name_in_words(name, words):
    assert in_words(name) == words


def test_fields_are_named_and_migrations_do_not_see_it():
    field = apps.get_model("vehicles", "vehiclestate")._meta.get_field("soc_pct")
    assert field.verbose_name == "SoC (%)"
    assert "verbose_name" not in field.deconstruct()[3]


def test_values_as_people_read_them():
    assert money(Decimal("3002.5100"), "MXN") == "3,002.51"
    assert money(Decimal("3002.0000"), "JPY") == "3,002"
    assert duration(29_100) == "8 h 05 min"
    assert codes([{"code": "no_terms"}, "little_coverage"]) == "no terms, little coverage"
    assert codes([]) == "–"
    assert (plain_number(Decimal("120.500000")), plain_number(Decimal(0))) == ("120.5", "0")


@pytest.mark.parametrize(
    ("model", "column", "value", "words"),
    [
        ("vehicles.VehicleEvent", "to_state", "in_service", "in service"),
        ("payments.Terms", "rent_per", "work_day", "work day"),
        ("payments.PayGroup", "week_starts_on", 1, "Tuesday"),
        ("payments.PayGroup", "week_starts_hour", 4, "04:00"),
        ("fleets.AuditEntry", "object_type", "reservations.reservation", "booking"),
        ("telemetry.TelemetrySource", "last_errors", {}, "–"),
        ("telemetry.TelemetrySource", "last_errors", {"too_old": 2}, "too old: 2"),
    ],
)
def test_codes_and_bare_numbers_are_worded(model, column, value, words):
    kind = apps.get_model(model)
    assert shown_field(kind, column)(kind(**{column: value})) == words


@pytest.mark.django_db
def test_an_amount_without_a_currency_beside_it_is_in_the_company_s(cast):
    policy = cast.a.policy
    policy.debt_warn_amount = Decimal("500.0000")
    assert shown_field(type(policy), "debt_warn_amount")(policy) == "500.00 MXN"


@pytest.mark.django_db
def test_a_row_names_its_relations_where_they_are_at_hand_and_asks_for_none(
    cast, django_assert_num_queries
):
    seats = Membership.objects.filter(user=cast.owner)
    bare, whole = seats.get(), seats.select_related("user", "provider").get()
    with django_assert_num_queries(0):
        assert str(whole) == f"{cast.owner}, owner at {cast.a}"
        assert str(cast.a.pk) in str(bare)


@pytest.mark.django_db
def test_an_actor_by_name(cast):
    owner = cast.owner
    assert name_of(f"user:{owner.pk}") == str(owner)
    assert name_of("user:999999999") == "user:999999999"
    assert name_of("system:payments.pay") == "Voltop (payments.pay)"


@pytest.mark.django_db
def test_the_sidebar_leads_where_one_may_go(client, cast):
    client.force_login(cast.owner)
    page = client.get(reverse("admin:index")).content.decode()
    assert reverse("admin:vehicles_map") in page
    for entry in client.get(reverse("admin:index")).context["sidebar_navigation"]:
        for item in entry["items"]:
            assert client.get(item["link"]).status_code == 200, item["title"]


@pytest.mark.django_db
def test_pages_tell_times_in_the_company_s_zone(client, cast):
    client.force_login(cast.owner)
    page = client.get(reverse("admin:index")).content.decode()
    zone = cast.a.time_zone.rpartition("/")[2].replace("_", " ")
    assert f"{cast.a.name}, {zone} time" in page


def test_browsers_find_an_icon(client):
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer["Location"]) == (302, "/static/voltop/favicon.svg")
