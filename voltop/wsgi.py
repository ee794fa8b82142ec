"""WSGI entry point: the `web` process."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voltop.settings.base")

application = get_wsgi_application()
