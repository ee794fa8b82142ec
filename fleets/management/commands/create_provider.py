"""`manage.py create_provider`: a new company and its first people, for whoever runs Voltop.

    manage.py create_provider "Alba Moves" --country MX --currency MXN \
        --time-zone America/Mexico_City --member owner:ana@alba.example:"Ana Alba"

Passwords are asked for on the terminal, or taken from the environment variable that
`--password-env` names (the same for all members). Prints the provider's id. With `--if-missing`
a company of that name that is there already is left as it is.
"""

import os
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from fleets import services
from fleets.models import FleetProvider, Role
from fleets.services.auth import require_strong_password
from voltop.context import Actor
from voltop.errors import DomainError


class Command(BaseCommand):
    help = "Create a fleet provider, active, with its first members."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--country", required=True, help="ISO 3166-1 alpha-2, e.g. MX")
        parser.add_argument("--currency", required=True, help="ISO 4217, e.g. MXN")
        parser.add_argument("--time-zone", required=True, help="IANA, e.g. America/Mexico_City")
        parser.add_argument("--language", default="en")
        parser.add_argument(
            "--member",
            action="append",
            default=[],
            metavar="ROLE:EMAIL:NAME",
            help=f"a person and a role ({', '.join(Role.values)}); may be repeated",
        )
        parser.add_argument("--password-env", metavar="VARIABLE")
        parser.add_argument("--if-missing", action="store_true")

    def handle(self, *args: Any, name: str, **options: Any) -> str:
        known = FleetProvider.objects.filter(name=name).first()
        if known is not None:
            if options["if_missing"]:
                return str(known.pk)
            raise CommandError(f"A provider named {name} is there already (id {known.pk}).")
        members = [_parse(text) for text in options["member"]]
        passwords = [_password(email, options["password_env"]) for _role, email, _name in members]
        try:
            with transaction.atomic():
                return str(_create(name, options, members, passwords).pk)
        except DomainError as error:
            raise CommandError(f"{error.field or 'refused'}: {error.detail}") from error


def _parse(text: str) -> tuple[str, str, str]:
    role, _, rest = text.partition(":")
    email, _, full_name = rest.partition(":")
    if role not in Role.values or "@" not in email:
        raise CommandError(f"--member {text}: write ROLE:EMAIL:NAME")
    return role, email, full_name or email


def _password(email: str, variable: str | None) -> str:
    if variable is None:
        return getpass(f"Password of {email}: ")
    if not os.environ.get(variable):
        raise CommandError(f"The environment has no {variable}.")
    return os.environ[variable]


def _create(
    name: str,
    options: dict[str, Any],
    members: list[tuple[str, str, str]],
    passwords: list[str],
) -> FleetProvider:
    platform = Actor.system("fleets.create_provider")
    provider = services.create_provider(
        actor=platform,
        name=name,
        country=options["country"],
        currency=options["currency"],
        time_zone=options["time_zone"],
        language=options["language"],
    )
    provider = services.activate_provider(provider, actor=platform)
    actor = Actor.system("fleets.create_provider", provider.pk)
    for (role, email, full_name), password in zip(members, passwords, strict=True):
        user = services.create_user(actor=actor, full_name=full_name, email=email, is_staff=True)
        if not user.has_usable_password():
            require_strong_password(password, user)
            user.set_password(password)
            user.save(update_fields=["password"])
        services.add_member(provider, user, actor=actor, role=role)
    return provider
