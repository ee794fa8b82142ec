"""ASGI entry point: the `live` process (HTTP and, later, sockets on one port)."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voltop.settings.base")
django.setup(set_prefix=False)

from voltop.api.handlers import ProblemASGIHandler  # noqa: E402 (needs the settings)

application = ProblemASGIHandler()
