"""The city's streets as the map's ground: one address, in the demo only."""

import json
from functools import cache

from django.http import HttpRequest, HttpResponse

from voltop.demo.city.streets import City


def ground(request: HttpRequest) -> HttpResponse:
    """GeoJSON of the generated city, the same at every start."""
    response = HttpResponse(_drawn(), content_type="application/geo+json")
    response["Cache-Control"] = "public, max-age=3600"
    return response


@cache
def _drawn() -> bytes:
    return json.dumps(City().geojson(), separators=(",", ":")).encode()
