"""Inviting and changing drivers."""

import json
from datetime import date

import pytest

from drivers import services
from drivers.errors import (
    DriverExists,
    DriverNotActive,
    EmployeeNumberTaken,
    InvalidBirthDate,
    InvalidPhone,
    LoginRequired,
)
from drivers.models import Driver
from fleets import audit
from fleets import services as fleet_services
from fleets.errors import LimitReached, ProviderNotActive, UnknownLanguage
from fleets.models import AuditEntry, FleetProvider, User
from voltop.errors import NotFound


def invite(cast, provider=None, **values):
    provider = provider or cast.a
    values = {"given_name": "Nora", "family_name": "Nuñez", "email": "nora@x.example"} | values
    return services.invite_driver(provider, actor=cast.actor(provider), **values)


def test_an_invited_driver_has_a_record_an_event_and_a_login(cast):
    driver = invite(cast, phone="+52 55 1234 5678", hired_on=date(2026, 11, 1))
    assert driver.status == "invited"
    assert driver.phone == "+525512345678"
    assert [(e.from_state, e.to_state) for e in driver.events.all()] == [("", "invited")]
    assert User.objects.get(pk=driver.user_id).email == "nora@x.example"
    assert not driver.user.has_usable_password()


def test_one_person_drives_for_two_companies_with_one_login_and_two_records(cast):
    first = invite(cast)
    second = invite(cast, cast.b)
    assert first.user_id == second.user_id
    assert {first.provider_id, second.provider_id} == {cast.a.pk, cast.b.pk}


def test_a_second_record_at_the_same_company_is_refused_and_names_the_first(cast):
    first = invite(cast)
    with pytest.raises(DriverExists) as refused:
        invite(cast)
    assert refused.value.extra == {"driver": first.pk}


def test_an_employee_number_belongs_to_one_driver_of_the_company(cast):
    invite(cast, employee_number="7")
    with pytest.raises(EmployeeNumberTaken):
        invite(cast, email="other@x.example", employee_number="7")
    assert invite(cast, cast.b, employee_number="7").employee_number == "7"


def test_without_phone_and_email_nobody_could_log_in(cast):
    with pytest.raises(LoginRequired):
        invite(cast, email="")


@pytest.mark.parametrize("phone", ["5512345678", "+52", "hello", "+999123"])
def test_a_phone_number_needs_its_country_code_and_a_possible_length(cast, phone):
    with pytest.raises(InvalidPhone):
        invite(cast, phone=phone)
    assert not Driver.objects.exists()


@pytest.mark.parametrize("born", [date(1901, 1, 1), date(2020, 1, 1)])
def test_a_driver_is_of_working_age(cast, born):
    with pytest.raises(InvalidBirthDate):
        invite(cast, birth_date=born)


def test_the_limit_of_drivers_holds_and_counts_only_who_has_not_left(cast):
    FleetProvider.objects.filter(pk=cast.a.pk).update(max_drivers=1)
    first = invite(cast)
    with pytest.raises(LimitReached) as refused:
        invite(cast, email="two@x.example")
    assert refused.value.extra == {"limit": "max_drivers", "allowed": 1}
    services.terminate_driver(first, actor=cast.actor(), reason="withdrew")
    assert invite(cast, email="two@x.example").pk


def test_a_suspended_provider_invites_nobody(cast):
    cast.owner  # noqa: B018 (the scene needs the person before the suspension)
    fleet_services.suspend_provider(cast.a, actor=cast.platform, reason="unpaid")
    with pytest.raises(ProviderNotActive):
        invite(cast)


def test_another_providers_depot_does_not_exist(cast):
    with pytest.raises(NotFound):
        invite(cast, depot=cast.depot(cast.b))


def test_a_change_is_audited_and_personal_values_are_not_quoted(cast):
    driver = invite(cast)
    changed = services.update_driver(
        driver, actor=cast.actor(), family_name="Núñez", phone="+525512345678"
    )
    assert changed.family_name == "Núñez"
    assert changed.row_version == driver.row_version + 1
    entry = AuditEntry.objects.get(action="driver.changed")
    assert audit.shown(entry) == {"family_name": ["•", "•"], "phone": ["•", "•"]}
    kept = json.dumps(entry.changes, ensure_ascii=False)
    assert "Nuñez" not in kept
    assert "5512345678" not in kept
    assert audit.reveal(entry, actor=cast.actor()) == {
        "family_name": ["Nuñez", "Núñez"],
        "phone": [driver.phone, "+525512345678"],
    }


def test_a_change_of_nothing_writes_nothing(cast):
    driver = invite(cast)
    same = services.update_driver(driver, actor=cast.actor(), given_name="Nora")
    assert same.row_version == driver.row_version
    assert not AuditEntry.objects.filter(action="driver.changed").exists()


def test_another_providers_actor_changes_nothing(cast):
    driver = invite(cast)
    with pytest.raises(NotFound):
        services.update_driver(driver, actor=cast.actor(cast.b), given_name="Mallory")
    assert Driver.objects.get(pk=driver.pk).given_name == "Nora"


def test_only_an_active_driver_starts_something(cast):
    driver = invite(cast)
    with pytest.raises(DriverNotActive) as refused:
        services.require_active(driver)
    assert refused.value.extra["status"] == "invited"
    services.require_active(cast.driver)


def test_a_driver_is_spoken_to_in_the_companys_language_unless_said_otherwise(cast):
    FleetProvider.objects.filter(pk=cast.a.pk).update(language="es")
    cast.a.refresh_from_db()
    own = invite(cast)
    assert (own.language, own.user.language) == ("es", "es")
    other = invite(cast, email="jo@x.example", language="pt")
    assert (other.language, other.user.language) == ("pt", "pt")


def test_a_language_that_nobody_speaks_is_refused(cast):
    with pytest.raises(UnknownLanguage):
        invite(cast, language="tlh")
    with pytest.raises(UnknownLanguage):
        services.update_driver(cast.driver, actor=cast.actor(), language="xx")


def test_a_changed_address_is_kept_in_small_letters_as_an_invited_one(cast):
    changed = services.update_driver(cast.driver, actor=cast.actor(), email="Dora@New.EXAMPLE")
    assert changed.email == "dora@new.example"
