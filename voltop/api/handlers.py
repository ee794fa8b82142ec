"""The ASGI server's way in: also what cannot even be read as a request gets a problem document."""

from collections.abc import Mapping
from typing import IO, Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http.response import HttpResponseBase

from voltop.api.exceptions import is_api_path, problem_instead_of


class ProblemASGIHandler(ASGIHandler):
    """Django's handler; a query string of foreign bytes is refused before any middleware runs."""

    def create_request(
        self, scope: Mapping[str, Any], body_file: IO[bytes]
    ) -> tuple[ASGIRequest, None] | tuple[None, HttpResponseBase]:
        request, refusal = super().create_request(scope, body_file)
        if request is not None:
            return request, None
        assert refusal is not None
        return None, problem_instead_of(refusal) if is_api_path(scope["path"]) else refusal
