"""Two at once: the database lets one through, and the other hears the rule's own name."""

from datetime import date

import pytest
from django.db import IntegrityError

from drivers import services
from drivers.errors import EmployeeNumberTaken, EngagementOverlap
from drivers.models import Driver, Engagement
from voltop.api.database_errors import translate_database_error
from voltop.tests.cast import Cast
from voltop.tests.parallel import at_once

pytestmark = pytest.mark.usefixtures("committed_db")


def code_of(error: BaseException) -> str:
    """What the API would answer."""
    known = isinstance(error, IntegrityError)
    return translate_database_error(error).code if known else error.code


def outcomes(results: list) -> list[str]:
    return sorted(code_of(r) if isinstance(r, BaseException) else "ok" for r in results)


def test_two_invitations_with_one_employee_number_make_one_driver():
    cast = Cast()
    provider, actor = cast.a, cast.actor()

    def invite(n: int):
        return services.invite_driver(
            provider,
            actor=actor,
            given_name=f"Ines {n}",
            family_name="Driver",
            email=f"ines{n}@example.com",
            employee_number="D-7",
        )

    results = at_once([lambda: invite(1), lambda: invite(2)])
    assert outcomes(results) == [EmployeeNumberTaken.code, "ok"]
    assert Driver.objects.for_provider(provider.pk).filter(employee_number="D-7").count() == 1


def test_two_engagements_of_one_time_make_one():
    cast = Cast()
    driver, actor = cast.driver, cast.actor()

    def start():
        return services.start_engagement(
            driver, actor=actor, kind="employee", starts_on=date(2026, 1, 1)
        )

    assert outcomes(at_once([start, start])) == [EngagementOverlap.code, "ok"]
    assert Engagement.objects.filter(driver=driver).count() == 1


def test_a_constraint_that_two_reach_at_once_speaks_by_its_rule():
    cast = Cast()
    first, second = cast.new_driver("Ines"), cast.new_driver("Mona")
    Driver.objects.filter(pk=first.pk).update(employee_number="D-7")
    with pytest.raises(IntegrityError) as caught:
        Driver.objects.filter(pk=second.pk).update(employee_number="D-7")
    assert translate_database_error(caught.value).code == "employee_number_taken"
