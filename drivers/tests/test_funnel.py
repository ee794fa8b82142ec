"""The funnel: where everybody on the way in stands, in one's own company."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from drivers import services
from drivers.tests.papers import approved, demand, hand_in
from voltop import clock

pytestmark = pytest.mark.django_db

FUNNEL = "/admin/drivers/driver/funnel/"


def coming(cast, name, *, onboarding=True):
    driver = cast.new_driver(name, active=False)
    return services.onboard_driver(driver, actor=cast.actor()) if onboarding else driver


def stands(client) -> dict[str, list[str]]:
    page = client.get(FUNNEL)
    assert page.status_code == 200
    return {
        stage.name: [each.driver.given_name for each in stage.shown]
        for stage in page.context["stages"]
    }


def test_everybody_on_the_way_in_stands_at_what_comes_next(cast, client):
    demand(cast.a, "driving_licence", "national_id")
    now = clock.now()
    coming(cast, "Ines", onboarding=False)
    coming(cast, "Mona")
    half = coming(cast, "Hugo")
    approved(cast, half, at=now)
    refused = coming(cast, "Rita")
    services.reject_document(hand_in(cast, refused), actor=cast.actor(), reason="blurred")
    hand_in(cast, refused, "national_id")
    waits = coming(cast, "Paul")
    hand_in(cast, waits)
    approved(cast, waits, "national_id", at=now)
    assert cast.driver
    assert cast.foreign_driver
    client.force_login(cast.dispatcher)
    assert stands(client) == {
        "invited": ["Ines"],
        "missing": ["Mona", "Hugo"],
        "rejected": ["Rita"],
        "pending": ["Paul"],
        "ready": [],
    }


def test_where_nothing_is_demanded_whoever_answered_is_ready(cast, client):
    coming(cast, "Mona")
    client.force_login(cast.owner)
    assert stands(client)["ready"] == ["Mona"]


def test_the_page_takes_as_many_queries_for_nine_as_for_three(cast, client):
    demand(cast.a, "driving_licence")
    client.force_login(cast.owner)
    counts = []
    for names in ("abc", "defghi"):
        for name in names:
            hand_in(cast, coming(cast, name))
        client.get(FUNNEL)
        with CaptureQueriesContext(connection) as captured:
            assert len(stands(client)["pending"]) == (3 if names == "abc" else 9)
        counts.append(len(captured))
    assert counts[0] == counts[1], counts


def test_a_stranger_sees_nobody_and_a_driver_no_page(cast, client):
    coming(cast, "Mona")
    client.force_login(cast.outsider)
    assert not any(stands(client).values())
    client.logout()
    assert client.get(FUNNEL).status_code == 302
