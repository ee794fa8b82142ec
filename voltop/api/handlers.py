"""The ASGI server's way in: also what cannot even be read as a request gets a problem document.

Django reads the whole body before any middleware runs; here it does so within bounds of size and
time, and refuses by its stated length what it would not read to the end.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from typing import IO, Any
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http.response import HttpResponseBase

from voltop.api import bounds, errors
from voltop.api.exceptions import is_api_path, problem_instead_of
from voltop.context import bind_request_id
from voltop.errors import DomainError


class ProblemASGIHandler(ASGIHandler):
    """Django's handler; a query string of foreign bytes is refused before any middleware runs."""

    async def handle(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        try:
            _require_bounds(scope)
            await super().handle(scope, receive, send)
        except DomainError as error:  # of the bounds: whatever views raise is an answer by then
            with bind_request_id(uuid4().hex):
                response = bounds.refusal(error, scope["path"])
            response["Connection"] = "close"  # what is left of the body is not read
            await self.send_response(response, send)

    async def read_body(self, receive: Any) -> IO[bytes]:
        """Raises BodyTooLarge (413), BodyTooSlow (408), RequestAborted."""
        file = tempfile.SpooledTemporaryFile(settings.FILE_UPLOAD_MAX_MEMORY_SIZE)  # noqa: SIM115
        try:
            async with asyncio.timeout(bounds.BODY_WITHIN_S):
                await _copy(receive, file)
        except TimeoutError as error:
            file.close()
            raise errors.BodyTooSlow(limit_s=bounds.BODY_WITHIN_S) from error
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    def create_request(
        self, scope: Mapping[str, Any], body_file: IO[bytes]
    ) -> tuple[ASGIRequest, None] | tuple[None, HttpResponseBase]:
        request, refusal = super().create_request(scope, body_file)
        if request is not None:
            return request, None
        assert refusal is not None
        return None, problem_instead_of(refusal) if is_api_path(scope["path"]) else refusal


async def _copy(receive: Any, file: IO[bytes]) -> None:
    """Write the body to the file, as far as it is in bounds."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestAborted
        file.write(message.get("body", b""))
        if file.tell() > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise errors.BodyTooLarge(limit_bytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        more = message.get("more_body", False)


def _require_bounds(scope: Mapping[str, Any]) -> None:
    heads = scope["headers"]
    length = next((value for name, value in heads if name == b"content-length"), b"")
    bounds.require_bounds(
        length=length.decode("latin1"),
        url_bytes=len(scope["path"]) + len(scope["query_string"]),
        headers=len(heads),
        head_bytes=sum(len(name) + len(value) for name, value in heads),
    )
