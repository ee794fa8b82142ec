"""Engagements: half-open in days, never two at once."""

from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, transaction

from drivers import services
from drivers.errors import EngagementEnded, EngagementOverlap, InvalidEngagementPeriod
from drivers.models import Engagement
from fleets.models import AuditEntry

JAN, MAR, JUN, SEP = (date(2026, month, 1) for month in (1, 3, 6, 9))


def start(cast, starts_on, ends_on=None, kind="employee"):
    return services.start_engagement(
        cast.driver, actor=cast.actor(), kind=kind, starts_on=starts_on, ends_on=ends_on
    )


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "fits"),
    [
        (JAN, MAR, True),  # ends on the day the other begins
        (JUN, None, True),  # begins on the day the other ends
        (JAN, date(2026, 3, 2), False),
        (MAR, JUN, False),
        (date(2026, 4, 1), date(2026, 5, 1), False),
        (JAN, None, False),
        (date(2026, 5, 31), SEP, False),
    ],
)
def test_beside_march_to_june(cast, starts_on, ends_on, fits):
    first = start(cast, MAR, JUN)
    if fits:
        assert start(cast, starts_on, ends_on, "renter").kind == "renter"
        return
    with pytest.raises(EngagementOverlap) as refused:
        start(cast, starts_on, ends_on)
    assert refused.value.extra == {"engagement": first.pk}
    assert Engagement.objects.count() == 1


def test_two_drivers_are_engaged_at_once(cast):
    start(cast, JAN)
    other = services.start_engagement(
        cast.other_driver, actor=cast.actor(), kind="contractor", starts_on=JAN
    )
    assert other.driver == cast.other_driver


def test_the_database_refuses_an_overlap_whoever_writes(cast):
    first = start(cast, JAN)
    with pytest.raises(IntegrityError, match="drivers_engagement_no_overlap"), transaction.atomic():
        Engagement.objects.create(
            provider=cast.a, driver=first.driver, kind="renter", starts_on=MAR
        )


def test_an_engagement_ends_once_and_after_its_beginning(cast):
    engagement = start(cast, MAR)
    with pytest.raises(InvalidEngagementPeriod):
        services.end_engagement(engagement, actor=cast.actor(), ends_on=MAR)
    ended = services.end_engagement(engagement, actor=cast.actor(), ends_on=JUN)
    assert ended.ends_on == JUN
    with pytest.raises(EngagementEnded):
        services.end_engagement(engagement, actor=cast.actor(), ends_on=SEP)
    with pytest.raises(InvalidEngagementPeriod):
        start(cast, SEP, SEP)


def test_the_engagement_in_force_on_a_day(cast):
    first, second = start(cast, MAR, JUN), start(cast, JUN)
    on = Engagement.objects.for_provider(cast.a.pk).on
    assert list(on(date(2026, 5, 31))) == [first]
    assert list(on(JUN)) == [second]
    assert list(on(JAN)) == []


def test_an_agreed_end_that_has_not_come_is_brought_forward_and_never_put_off(cast):
    agreed = start(cast, JAN, SEP)
    midday = datetime(2026, 5, 31, 12, tzinfo=UTC)
    with pytest.raises(EngagementEnded):
        services.end_engagement(agreed, actor=cast.actor(), ends_on=date(2026, 10, 1), at=midday)
    ended = services.end_engagement(agreed, actor=cast.actor(), ends_on=JUN, at=midday)
    assert ended.ends_on == JUN
    entry = AuditEntry.objects.get(action="engagement.ended")
    assert entry.changes == {"ends_on": ["2026-09-01", "2026-06-01"]}
    assert start(cast, JUN, kind="contractor").starts_on == JUN


def test_an_end_comes_with_the_companys_own_midnight(cast):
    """In Mexico City the first of June begins six hours after it does in UTC."""
    agreed = start(cast, JAN, JUN)
    before, after = (datetime(2026, 6, 1, hour, tzinfo=UTC) for hour in (5, 6))
    with pytest.raises(EngagementEnded):
        services.end_engagement(agreed, actor=cast.actor(), ends_on=MAR, at=after)
    assert services.end_engagement(agreed, actor=cast.actor(), ends_on=MAR, at=before)
