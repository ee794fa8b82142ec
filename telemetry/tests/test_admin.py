"""Telemetry in the admin: every list opens, a token is shown once, samples stand by the vehicle."""

import pytest
from django.contrib import admin
from django.urls import reverse

from telemetry.models import TelemetrySource
from telemetry.tests.test_derive import derive, drive
from telemetry.tests.world import at, fix, sample
from vehicles import services as vehicle_services


@pytest.fixture
def browser(client, cast):
    """Ana, the owner, at the admin of her company."""

    def log_in(user):
        user.is_staff = True
        user.save(update_fields=["is_staff"])
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def filled(fleet):
    fleet.send(*drive(fleet.car, 0, 10, occupied=True), sample(fleet.car, at(9), soc_pct=55.5))
    fleet.send(sample(fleet.car, at(9), soc_pct=60))
    fleet.send({"device": "lost", "recorded_at": at(8).isoformat()})
    derive(fleet)
    return fleet


MODELS = sorted(
    model._meta.model_name for model in admin.site._registry if model._meta.app_label == "telemetry"
)


def test_there_is_a_page_for_every_model():
    from django.apps import apps

    assert (
        sorted(m._meta.model_name for m in apps.get_app_config("telemetry").get_models()) == MODELS
    )


@pytest.mark.parametrize("model", MODELS)
def test_every_list_opens(filled, cast, browser, model):
    page = browser(cast.superuser).get(reverse(f"admin:telemetry_{model}_changelist"))
    assert page.status_code == 200


@pytest.mark.parametrize("model", ["trip", "hiredrun", "telemetrysource", "quarantinedsample"])
def test_owners_see_their_own(filled, cast, browser, model):
    for user, count in ((cast.owner, 1), (cast.outsider, 0)):
        page = browser(user).get(reverse(f"admin:telemetry_{model}_changelist"))
        assert page.context["cl"].result_count == count


def test_the_vehicles_page_shows_its_latest_samples(filled, cast, browser):
    page = (
        browser(cast.owner)
        .get(reverse("admin:vehicles_vehicle_change", args=[filled.car.pk]))
        .content.decode()
    )
    assert "Latest samples" in page
    assert "2026-03-02 03:00:00" in page  # 09:00 UTC in Mexico City
    assert "60.0" in page


def test_samples_of_before_the_transfer_are_not_shown(filled, cast, browser):
    vehicle_services.transfer_vehicle(filled.car, cast.b, actor=cast.actor(), at=at(10))
    other = filled.new_source("b", cast.b)
    filled.send(fix(filled.car, at(11), 1, 2), source=other)
    page = (
        browser(cast.outsider)
        .get(reverse("admin:vehicles_vehicle_change", args=[filled.car.pk]))
        .content.decode()
    )
    assert "2026-03-02 12:00:00" in page  # 11:00 UTC in Berlin
    assert "2026-03-02 10:00:00" not in page


def test_a_new_source_shows_its_token_once(cast, browser):
    client = browser(cast.owner)
    url = reverse("admin:telemetry_telemetrysource_add")
    page = client.post(url, {"name": "OEM", "kind": "api", "priority": 5}, follow=True)
    assert "vtt_" in page.content.decode()
    source = TelemetrySource.objects.get()
    assert (source.provider, source.priority) == (cast.a, 5)
    listed = client.get(reverse("admin:telemetry_telemetrysource_changelist"))
    assert "vtt_" not in listed.content.decode()


@pytest.mark.parametrize(
    ("action", "told"), [("make_new_token", "vtt_"), ("change_telemetrysource_disable_source", "1")]
)
def test_sources_are_managed_by_actions(fleet, cast, browser, action, told):
    page = browser(cast.owner).post(
        reverse("admin:telemetry_telemetrysource_changelist"),
        {"action": action, "_selected_action": [fleet.source.pk], "reason": "lost"},
        follow=True,
    )
    assert told in page.content.decode()
    source = TelemetrySource.objects.get()
    assert (source.disabled_at is not None) == ("disable" in action)


def test_the_first_page_tells_of_trackers_without_a_vehicle(filled, cast, browser):
    page = browser(cast.owner).get("/admin/").content.decode()
    assert "Sources with trackers without a vehicle" in page
