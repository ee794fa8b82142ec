"""ASGI entry point: HTTP and sockets on one port (the demo), or sockets alone (`live`)."""

import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voltop.settings.base")
django.setup(set_prefix=False)

from voltop.api.handlers import ProblemASGIHandler  # noqa: E402 (needs the settings)
from voltop.sockets.routes import serve  # noqa: E402

_pages = ProblemASGIHandler()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await serve(scope, receive, send)
    else:
        await _pages(scope, receive, send)
