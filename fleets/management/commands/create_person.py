"""`manage.py create_person`: somebody who can log in, for whoever runs Voltop.

    manage.py create_person ana@alba.example "Ana Alba" --password-env ANAS_PASSWORD

The person belongs to no company by this: who is invited as a driver or member with the same
address is this person. Without `--password-env` the password is asked for. With `--if-missing`
somebody who is known already is left as they are.
"""

import os
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fleets import services
from fleets.models import User
from fleets.services.auth import require_strong_password
from voltop.context import Actor
from voltop.errors import DomainError


class Command(BaseCommand):
    help = "Create a person who can log in with a password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("full_name")
        parser.add_argument("--password-env", metavar="VARIABLE")
        parser.add_argument("--if-missing", action="store_true")

    def handle(self, *args: Any, email: str, full_name: str, **options: Any) -> str:
        known = User.objects.filter(email=email.lower()).first()
        if known is not None:
            if options["if_missing"]:
                return str(known.pk)
            raise CommandError(f"{email} is somebody's log-in already (id {known.pk}).")
        password = _password(email, options["password_env"])
        try:
            require_strong_password(password, User(email=email, full_name=full_name))
        except DomainError as error:
            raise CommandError(f"{error.field or 'refused'}: {error.detail}") from error
        actor = Actor.system("fleets.create_person")
        user = services.create_user(
            actor=actor, full_name=full_name, email=email, password=password
        )
        return str(user.pk)


def _password(email: str, variable: str | None) -> str:
    if variable is None:
        return getpass(f"Password of {email}: ")
    if not os.environ.get(variable):
        raise CommandError(f"The environment has no {variable}.")
    return os.environ[variable]
