"""ASGI entry point: HTTP and sockets on one port (the demo), or sockets alone (`live`)."""

import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voltop.settings.base")
django.setup(set_prefix=False)

from voltop.api.handlers import ProblemASGIHandler  # noqa: E402 (needs the settings)
from voltop.sockets.routes import serve  # noqa: E402


class Application(ProblemASGIHandler):
    """Django's requests, and beside them what Django knows nothing of."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await serve(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


application = Application()
