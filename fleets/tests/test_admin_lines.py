"""What people type for hours and lists, what is kept of it, and how codes are told."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import translation

from fleets import services
from fleets.admin.lines import NamesField, hours_as_lines, hours_of_lines
from fleets.admin.shown import values_in_words
from fleets.models import AuditEntry, Depot, FleetPolicy

NO_REFS = {"refs-TOTAL_FORMS": "0", "refs-INITIAL_FORMS": "0"}
DAY, EARLY = ["06:00", "22:00"], ["06:00", "14:00"]
WEEK = {day: [DAY] for day in ("mon", "tue", "wed", "thu", "fri")}


@pytest.mark.parametrize(
    ("language", "text", "hours"),
    [
        ("en", "", {}),
        ("en", "Mon–Fri 06:00–22:00", WEEK),
        ("en", "monday - friday: 6-22", WEEK),
        ("en", "Sat 6:00-14:00, 15:00-24:00", {"sat": [EARLY, ["15:00", "24:00"]]}),
        ("en", "Sat 06:00-14:00\n\nsat 15:00-24:00", {"sat": [EARLY, ["15:00", "24:00"]]}),
        ("es", "miércoles 06:00–14:00\nSAB 06:00-14:00", {"wed": [EARLY], "sat": [EARLY]}),
        ("pt", "segunda-feira 06:00–14:00", {"mon": [EARLY]}),
        ("de", "Mo-Fr 06:00–22:00", WEEK),
    ],
)
def test_hours_are_read_as_people_write_them(language, text, hours):
    with translation.override(language):
        assert hours_of_lines(text) == hours
        assert hours_of_lines("\n".join(hours_as_lines(hours))) == hours


@pytest.mark.parametrize(
    "text", ["{}", "06:00-22:00", "Mon", "Mon 06:00", "t 6-7", "Noday 6-7", "Fri-Mon 6-7"]
)
def test_a_line_that_cannot_be_meant_is_named(text):
    with pytest.raises(ValidationError) as refused:
        hours_of_lines("Sun 08:00-12:00\n" + text)
    assert "Line 2" in refused.value.messages[0]


@pytest.mark.parametrize("nonsense", [7, "x", ["mon"], {"mon": 5}, {"mon": [["06:00"]]}])
def test_what_are_no_hours_is_shown_as_it_is(nonsense):
    assert hours_as_lines(nonsense) == [str(nonsense)]


def test_the_values_of_a_rule_are_told_in_words():
    assert values_in_words({"rate_per_km": "2.00", "tiers": [1]}) == "rate per km: 2.00; tiers: [1]"
    assert values_in_words([1]) == "[1]"


def test_names_stand_between_commas():
    field = NamesField()
    assert field.clean("spei, csv,,spei\npix") == ["spei", "csv", "pix"]
    assert (field.clean(""), field.prepare_value(["a", "b"])) == ([], "a, b")
    with pytest.raises(ValidationError):
        field.clean("x" * 41)


@pytest.mark.django_db
def test_a_depots_hours_are_typed_in_lines_and_told_in_lines(cast):
    client, path = Client(), "/admin/fleets/depot/add/"
    client.force_login(cast.owner)
    form = {
        "name": "Norte",
        "geofence_radius_m": "150",
        "time_zone": "America/Mexico_City",
        "opening_hours": "Mon-Fri 6-22\nSat noon",
    }
    page = client.post(path, form).content.decode()
    assert "Line 2 is not understood" in page
    assert "Sat noon" in page
    backwards = client.post(path, form | {"opening_hours": "Mon 22-6"})
    assert backwards.context["adminform"].form.errors.keys() == {"opening_hours"}
    assert client.post(path, form | {"opening_hours": "Mon-Fri 6-22"}).status_code == 302
    depot = Depot.objects.get()
    assert depot.opening_hours == WEEK
    path = f"/admin/fleets/depot/{depot.pk}/change/"
    assert "Mon–Fri 06:00–22:00" in client.get(path).content.decode()
    same = form | NO_REFS | {"opening_hours": "mon-fri 06:00-22:00", "address": "Calle 5"}
    same = client.post(path, same)
    assert same.status_code == 302
    changed = AuditEntry.objects.get(action="depot.changed")
    assert changed.changes.keys() == {"address"}
    client.force_login(cast.viewer)
    assert "Mon–Fri 06:00–22:00" in client.get(path).content.decode()


@pytest.mark.django_db
def test_the_rules_lists_are_typed_with_commas_and_ticked(cast):
    client, policy = Client(), cast.a.policy
    client.force_login(cast.owner)
    path = f"/admin/fleets/fleetpolicy/{policy.pk}/change/"
    page = client.get(path)
    form = page.context["adminform"].form
    assert "spei" in page.content.decode()
    values = {name: form[name].value() for name in form.fields}
    data = {
        name: value for name, value in values.items() if value is not None and value is not False
    }
    data |= {"payout_rails": "spei, csv", "second_factor_roles": ["owner", "accountant"]}
    answer = client.post(path, data)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    policy = FleetPolicy.objects.get(pk=policy.pk)
    assert policy.payout_rails == ["spei", "csv"]
    assert policy.second_factor_roles == ["owner", "accountant"]
    changed = AuditEntry.objects.get(action="policy.changed")
    assert changed.changes.keys() == {"payout_rails", "second_factor_roles"}


@pytest.mark.django_db
def test_the_audit_trail_speaks_in_words(cast):
    depot = cast.depot()
    services.update_depot(depot, actor=cast.actor(), address="Calle 5")
    client = Client()
    client.force_login(cast.owner)
    page = client.get("/admin/fleets/auditentry/").content.decode()
    assert "depot: changed" in page
    assert ">depot.changed<" not in page
    narrowed = client.get("/admin/fleets/auditentry/?action=depot.changed")
    entry = AuditEntry.objects.get(action="depot.changed")
    assert [row.pk for row in narrowed.context["cl"].result_list] == [entry.pk]
    page = client.get(f"/admin/fleets/auditentry/{entry.pk}/change/").content.decode()
    assert "address: – → Calle 5" in page


@pytest.mark.django_db
def test_what_was_changed_on_a_page_is_in_its_history(cast):
    client, depot = Client(), cast.depot()
    client.force_login(cast.owner)
    path = f"/admin/fleets/depot/{depot.pk}"
    assert f"{path}/history/" not in client.get(f"{path}/change/").content.decode()
    form = {"name": "Sur", "geofence_radius_m": "150", "time_zone": "America/Mexico_City"}
    assert client.post(f"{path}/change/", form | NO_REFS).status_code == 302
    assert f"{path}/history/" in client.get(f"{path}/change/").content.decode()
    history = client.get(f"{path}/history/")
    assert history.status_code == 200
    assert "Changed Name" in history.content.decode()
    client.force_login(cast.outsider)
    assert client.get(f"{path}/history/").status_code in (302, 404)
