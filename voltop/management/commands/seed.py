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

from voltop.demo.companies import COMPANIES, PASSWORD, PLATFORM_LOGIN


class Command(BaseCommand):
    help = "Create the demo's companies and log-ins (only with VOLTOP_DEMO=1)."

    def handle(self, *args: Any, **options: Any) -> str:
        if not settings.DEMO:
            raise CommandError("These log-ins are known to everybody: set VOLTOP_DEMO=1.")
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


def _log_ins() -> str:
    rows = [
        f"  {login:<28} {role} of {company.name}"
        for company in COMPANIES
        for role, login, _name in company.people
    ]
    rows.append(f"  {PLATFORM_LOGIN:<28} platform staff, sees all companies")
    return "\n".join([f"Log-ins (password {PASSWORD}):", *rows])
