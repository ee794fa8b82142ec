"""Requests that an outage of the database cut off are answered as if they had come after it."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from voltop.database import outages


class OutageMiddleware:
    """Inside what counts and logs requests, outside whatever asks the database.

    A request waits for a database that is away, and begins anew where it lost the connection
    before anything of it can have taken effect (`voltop.database.outages`). Every other is
    answered with 503 as before: its caller repeats it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        fresh = {**vars(request), "META": {**request.META}}
        with outages.a_work() as work:
            response = self.get_response(request)
            for _ in range(outages.RUNS - 1):
                if response.status_code < 500 or not _can_be_read_again(request):
                    break
                if not work.begin_again():
                    break
                _make_fresh(request, fresh)
                response = self.get_response(request)
        return response


def _can_be_read_again(request: HttpRequest) -> bool:
    """Whether the body is still in the line or in memory; a form with files is in neither."""
    return "_body" in vars(request) or not vars(request).get("_read_started", False)


def _make_fresh(request: HttpRequest, fresh: dict[str, Any]) -> None:
    """The request as it came, whatever middlewares and views have hung on it."""
    body = vars(request).get("_body")
    vars(request).clear()
    vars(request).update(fresh, META={**fresh["META"]})
    if body is not None:
        vars(request).update(_body=body, _stream=BytesIO(body), _read_started=True)
