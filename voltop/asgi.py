"""ASGI entry point: the `live` process (HTTP and, later, sockets on one port)."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voltop.settings.base")

application = get_asgi_application()
