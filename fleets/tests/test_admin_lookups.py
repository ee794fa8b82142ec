"""An admin list is filtered by what it offers: no address reads a hidden column, none is a 500."""

import pytest
from django.contrib import admin
from django.contrib.admin.filters import FieldListFilter
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

HIDDEN = [
    ("fleets/user", "password__startswith=a"),
    ("fleets/user", "password__regex=^a"),
    ("fleets/user", "is_superuser__exact=1"),
    ("fleets/onetimecode", "lookup_hash__gt=a"),
    ("fleets/apiclient", "client_secret__startswith=a"),
    ("fleets/webhookendpoint", "secret__gt=a"),
    ("drivers/driver", "given_name__regex=("),
    ("drivers/driver", "given_name__startswith=D"),
    ("drivers/driver", "status__regex=^a"),
    ("drivers/driver", "depot__name__startswith=a"),
    ("drivers/driver", "pk__regex=1"),
    ("voltop/subjectkey", "wrapped_key__gt=a"),
]
IMPOSSIBLE = [
    ("fleets/auditentry", "at__year=99999999999999"),
    ("fleets/auditentry", "at__year=x"),
    ("drivers/driver", "status__exact=%00"),
    ("drivers/driver", "depot__id__exact=%00"),
    ("drivers/driver", "depot__id__exact=99999999999999999999999"),
    ("drivers/driver", "q=%00"),
]


@pytest.fixture
def root(cast):
    client = Client(raise_request_exception=False)
    client.force_login(cast.superuser)
    return client


@pytest.mark.parametrize(("page", "query"), HIDDEN)
def test_only_what_the_list_offers_can_be_asked(root, page, query):
    assert root.get(f"/admin/{page}/").status_code == 200
    assert root.get(f"/admin/{page}/?{query}").status_code == 400


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("page", "query"), IMPOSSIBLE)
def test_impossible_values_are_no_errors_of_the_server(root, page, query):
    assert root.get(f"/admin/{page}/?{query}", follow=True).status_code == 200


def test_an_autocompletion_of_nul_finds_nothing(root, cast):
    assert cast.driver.pk
    asked = {"app_label": "drivers", "model_name": "engagement", "field_name": "driver"}
    answer = root.get("/admin/autocomplete/", asked | {"term": "\x00"})
    assert (answer.status_code, answer.json()["results"]) == (200, [])


def test_a_search_for_more_words_than_anybody_types_costs_nothing(root, cast):
    cast.driver.family_name = "a"
    cast.driver.save(update_fields=["family_name"])
    page = "/admin/drivers/driver/?q="
    with CaptureQueriesContext(connection) as few:
        assert root.get(page + "a+" * 20).status_code == 200
    with CaptureQueriesContext(connection) as many:
        assert root.get(page + "a+" * 21).status_code == 200
    assert "LIKE" in "".join(query["sql"] for query in few)
    assert "LIKE" not in "".join(query["sql"] for query in many)


def _offers(page):
    """Every parameter that the links of the page's filters set."""
    for spec in page.context["cl"].filter_specs:
        if isinstance(spec, FieldListFilter):
            yield from spec.expected_parameters()


MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label_lower)


@pytest.mark.sample
@pytest.mark.parametrize("model", MODELS[::8], ids=lambda m: m._meta.label_lower)
def test_filters_that_a_list_offers_are_let_through(root, model):
    judge_filters(root, model)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m._meta.label_lower)
def test_every_filter_that_a_list_offers_is_let_through(root, model):
    judge_filters(root, model)


def judge_filters(root, model):
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    owner: admin.ModelAdmin = admin.site._registry[model]
    page = root.get(address)
    assert page.status_code == 200
    for parameter in _offers(page):
        assert owner.lookup_allowed(parameter, "1", page.wsgi_request), parameter
    if owner.date_hierarchy:
        assert owner.lookup_allowed(f"{owner.date_hierarchy}__year", "2026", page.wsgi_request)
    hidden = {f.name for f in model._meta.fields if isinstance(f, models.BinaryField)}
    for name in hidden:
        assert not owner.lookup_allowed(name, "1", page.wsgi_request), name


HOME_LINKS = [
    ("reservations/evse", "status__exact=OUTOFORDER"),
    ("shifts/shift", "status__exact=ended&marked_for_review__exact=0"),
    ("shifts/shift", "status__in=active,on_break"),
    ("shifts/shiftproposal", "state__exact=proposed&driver__isempty=0"),
    ("shifts/platformentry", "driver__isempty=1"),
    ("payments/payment", "batch__id__exact=1"),
    ("payments/bankmovement", "match__exact=unmatched"),
    ("payments/adjustment", "status__exact=requested"),
    ("chat/conversation", "status__exact=open&priority__exact=urgent"),
]


@pytest.mark.parametrize(("page", "query"), HOME_LINKS)
def test_links_of_the_first_page_still_lead_to_their_rows(root, page, query):
    assert root.get(f"/admin/{page}/?{query}").status_code == 200
