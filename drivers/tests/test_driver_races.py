"""Two at once: the database lets one through, and the other hears the rule's own name."""

from datetime import date

import pytest
from django.db import IntegrityError, connection
from django.test import Client

from drivers import services
from drivers.errors import EmployeeNumberTaken, EngagementOverlap
from drivers.models import Driver, Engagement
from fleets.models import User
from voltop.api.database_errors import translate_database_error
from voltop.tests.cast import Cast
from voltop.tests.parallel import at_once, one_within_the_other

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


def test_two_companies_that_invite_one_person_at_once_both_do():
    cast = Cast()
    companies = [(company, cast.actor(company)) for company in (cast.a, cast.b)]

    def invite(n: int):
        company, actor = companies[n]
        values = {"given_name": "Ines", "family_name": "Driver", "email": "ines@example.com"}
        return services.invite_driver(company, actor=actor, **values)

    results = one_within_the_other(lambda: invite(0), lambda: invite(1))
    assert outcomes(results) == ["ok", "ok"]
    assert User.objects.filter(email="ines@example.com").count() == 1


def test_who_loses_a_race_in_the_admin_is_told_the_rule_and_keeps_what_was_typed():
    cast = Cast()
    first, second, actor = cast.driver, cast.other_driver, cast.actor()
    client = Client()
    client.force_login(cast.owner)

    def save():
        form = {"employee_number": "D-7", "given_name": "Dario", "family_name": "Typed"}
        nothing = {
            f"{inline}-{count}_FORMS": "0"
            for inline in ("documents", "engagements", "payout_accounts", "refs", "events")
            for count in ("TOTAL", "INITIAL")
        }
        path = f"/admin/drivers/driver/{second.pk}/change/"
        return client.post(path, {"language": "en", **form, **nothing})

    _won, page = one_within_the_other(
        lambda: services.update_driver(first, actor=actor, employee_number="D-7"), save
    )
    assert page.status_code == 200, page
    assert "Another driver has this employee number." in page.content.decode()
    assert "Typed" in page.content.decode()
    assert Driver.objects.get(pk=second.pk).employee_number == ""


def test_a_move_in_the_admin_of_a_row_that_is_being_changed_says_so():
    cast = Cast()
    driver, actor = cast.driver, cast.actor()
    client = Client()
    client.force_login(cast.owner)

    def suspend():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        data = {"action": "change_driver_suspend_driver", "_selected_action": [driver.pk]}
        return client.post("/admin/drivers/driver/", data | {"reason": "x"}, follow=True)

    _first, page = one_within_the_other(
        lambda: services.leave_driver(driver, actor=actor, reason="moves away"), suspend
    )
    assert page.status_code == 200, page
    assert Driver.objects.get(pk=driver.pk).status == "leaving"
