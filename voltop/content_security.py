"""What a page may load and run: the Content-Security-Policy of every HTML answer.

Settings and manner are those of Django 6.0 (`SECURE_CSP`, a header that a view has set is kept),
so that the middleware can go when Django brings its own. Not here: files of people, which their
view sends as downloads, and JSON, which runs nothing.
"""

from collections.abc import Callable, Mapping, Sequence

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

HEADER = "Content-Security-Policy"
Policy = Mapping[str, Sequence[str]]


def header(policy: Policy) -> str:
    """The policy as it is sent."""
    return "; ".join(f"{directive} {' '.join(sources)}" for directive, sources in policy.items())


class ContentSecurityMiddleware:
    """Outside of whatever answers with pages, those of errors included."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.policy = header(settings.SECURE_CSP)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault(HEADER, self.policy)
        return response
