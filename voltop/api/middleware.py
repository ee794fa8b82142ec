"""Outermost middleware: gives every request an id that answers, logs and rows carry."""

import re
from collections.abc import Callable
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

from voltop.context import bind_request_id

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestContextMiddleware:
    """Takes a well-formed X-Request-Id or makes one, binds it, and sends it back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _WELL_FORMED.fullmatch(given) else uuid4().hex
        with bind_request_id(request_id):
            response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response
