"""`manage.py erase_driver`: for good, all that Voltop holds about who a former driver was.

    manage.py erase_driver 4217 --provider 3 --reason "asked for on 3 May, ticket 88"

Refused for somebody who has not left for good, or with whom anything is still open.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from drivers import services
from drivers.models import Driver
from voltop.context import Actor
from voltop.errors import DomainError


class Command(BaseCommand):
    help = "Erase a former driver, for good."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("driver", type=int)
        parser.add_argument("--provider", type=int, required=True)
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, driver: int, provider: int, reason: str, **options: Any) -> None:
        found = Driver.objects.for_provider(provider).filter(pk=driver).first()
        if found is None:
            raise CommandError(f"company {provider} has no driver {driver}")
        actor = Actor.system("drivers.erase_driver", provider)
        try:
            services.erase_driver(found, actor=actor, reason=reason)
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.detail} {error.extra or ''}") from error
