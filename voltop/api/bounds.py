"""What a request may weigh before anything of it is read: address, head, stated length.

The servers' own bounds are wider or missing. Not here: what a route takes (`voltop.api.body`).
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from voltop.api import errors
from voltop.api.exceptions import is_api_path, problem_response
from voltop.errors import DomainError

MAX_URL_BYTES = 8_000
MAX_HEAD_BYTES = 32_000
MAX_HEADERS = 100
BODY_WITHIN_S = 30


def require_bounds(*, length: str, url_bytes: int, headers: int, head_bytes: int) -> None:
    """Raises UrlTooLong (414), HeadersTooLarge (431), BodyTooLarge (413), BadRequest (400)."""
    if url_bytes > MAX_URL_BYTES:
        raise errors.UrlTooLong(limit_bytes=MAX_URL_BYTES)
    if headers > MAX_HEADERS or head_bytes > MAX_HEAD_BYTES:
        raise errors.HeadersTooLarge(limit_bytes=MAX_HEAD_BYTES, limit_headers=MAX_HEADERS)
    if length and not (length.isascii() and length.isdigit()):
        raise errors.BadRequest()
    if length and (len(length) > 18 or int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE):
        raise errors.BodyTooLarge(limit_bytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def refusal(error: DomainError, path: str) -> HttpResponse:
    """The answer to a request out of bounds: a problem document below /api/, else one line."""
    if is_api_path(path):
        return problem_response(error)
    return HttpResponse(str(error.message), status=error.status, content_type="text/plain")


class BoundsMiddleware:
    """Refuses what is out of bounds before its body is read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        meta = request.META
        heads = [len(name) + len(meta[name]) for name in meta if name.startswith("HTTP_")]
        try:
            require_bounds(
                length=meta.get("CONTENT_LENGTH") or "",
                url_bytes=len(request.path) + len(meta.get("QUERY_STRING", "")),
                headers=len(heads),
                head_bytes=sum(heads),
            )
        except DomainError as error:
            return refusal(error, request.path_info)
        return self.get_response(request)
