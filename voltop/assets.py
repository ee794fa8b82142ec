"""Static files, without an event loop for every other request.

ServeStatic's middleware is asynchronous: under WSGI, Django then makes a loop and changes threads
three times for each request, which cost a third of a small API call. Here only the addresses of
static files go that way.
"""

from collections.abc import Callable
from functools import cache

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from servestatic.middleware import ServeStaticMiddleware


async def _nobody(request: HttpRequest) -> HttpResponseBase:
    return HttpResponse(status=404)


@cache
def static_files() -> ServeStaticMiddleware:
    """Looked for once per process: each test client would do it anew."""
    return ServeStaticMiddleware(_nobody)


class StaticFilesMiddleware:
    """Serves the files that were there at the start; everything else goes on as it came."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._static = static_files()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info in self._static.files:
            return async_to_sync(self._static)(request)
        return self.get_response(request)
