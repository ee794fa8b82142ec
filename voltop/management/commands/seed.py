"""`manage.py seed`: the companies of the demo and their log-ins; again changes nothing.

Only with VOLTOP_DEMO. What fills the companies with life comes through the API, from the city
simulator (`voltop.demo.city`), while everything runs.
"""

import os
from contextlib import suppress
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from voltop.demo.companies import (
    COMPANIES,
    DRIVER_USE,
    PASSWORD,
    PLATFORM_LOGIN,
    PLATFORM_USE,
    USES,
    Company,
)


class Command(BaseCommand):
    help = "Create the demo's companies and log-ins (only with VOLTOP_DEMO=1)."

    def handle(self, *args: Any, **options: Any) -> str:
        if not settings.DEMO:
            raise CommandError("These log-ins are known to everybody: set VOLTOP_DEMO=1.")
        try:
            connection.ensure_connection()
        except OperationalError as error:
            raise CommandError("No database answers: `make run` starts one, filled.") from error
        call_command("load_vehicle_models", stdout=StringIO())
        os.environ["VOLTOP_SEED_PASSWORD"] = PASSWORD
        for company in COMPANIES:
            call_command(
                "create_provider",
                company.name,
                country=company.country,
                currency=company.currency,
                time_zone=company.time_zone,
                member=[f"{role}:{login}:{name}" for role, login, name in company.people],
                password_env="VOLTOP_SEED_PASSWORD",  # noqa: S106 (the variable's name)
                if_missing=True,
                stdout=StringIO(),
            )
            _let_driver_in(company)
        os.environ["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
        with suppress(CommandError):  # it is there already
            call_command(
                "createsuperuser",
                interactive=False,
                email=PLATFORM_LOGIN,
                stdout=StringIO(),
                stderr=StringIO(),
            )
        return _log_ins()


def _let_driver_in(company: Company) -> None:
    """A person with a password, whom the company will invite as its first driver."""
    if company.driver is None:
        return
    email, given, family = company.driver
    call_command(
        "create_person",
        email,
        f"{given} {family}",
        password_env="VOLTOP_SEED_PASSWORD",  # noqa: S106 (the variable's name)
        if_missing=True,
        stdout=StringIO(),
    )


def _log_ins() -> str:
    rows = []
    for company in COMPANIES:
        rows.append(f"{company.name}, {company.cars} cars:")
        rows += [f"  {login:<24} {role}: {USES[role]}" for role, login, _name in company.people]
        if company.driver is not None:
            rows.append(f"  {company.driver[0]:<24} {DRIVER_USE}")
    rows += ["Voltop itself:", f"  {PLATFORM_LOGIN:<24} {PLATFORM_USE}"]
    return "\n".join([f"Log-ins, all with the password {PASSWORD}", *rows])
