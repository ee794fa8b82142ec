"""The first page of the admin in the demo: as ever, and how far its history is."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext

from voltop import home
from voltop.demo.companies import PAST_IS_AT
from voltop.embedded import paths


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """`voltop.home.dashboard` with `home_note` while four weeks of history are being written."""
    context = home.dashboard(request, context)
    try:
        how_far = (paths.home() / PAST_IS_AT).read_text()
    except FileNotFoundError:
        return context
    context["home_note"] = gettext(
        "This demo is still writing its four weeks of history (%(how_far)s): there is more to see "
        "in some minutes."
    ) % {"how_far": how_far}
    return context
