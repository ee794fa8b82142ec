"""What the API says about itself: its schema, Swagger UI and Redoc, and each error code.

The pages load nothing from elsewhere: their scripts come with drf-spectacular-sidecar.
"""

from functools import lru_cache
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import re_path
from django.utils.translation import get_language
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request
from rest_framework.response import Response

from voltop import content_security
from voltop.api.exceptions import no_such_route
from voltop.api.fields import StrictCharField, StrictIntegerField
from voltop.api.jobs import JobView
from voltop.api.permissions import ANYONE
from voltop.api.serializers import Serializer
from voltop.api.views import OperationView
from voltop.errors import NotFound, all_error_classes


class OpenView(OperationView):
    """A page about the API itself: the same for everyone, credentials not looked at."""

    authentication_classes = ()
    needs_provider = False
    permissions: ClassVar[dict[str, str]] = {"get": ANYONE}


class SchemaView(OpenView):
    """This description of the API, as OpenAPI 3.1 in JSON."""

    basename = "openapi"  # names the operation: "schema" is no name for a method of a client
    output_serializers: ClassVar[dict[str, Any]] = {
        "get": {"type": "object", "additionalProperties": True}
    }

    def get(self, request: Request) -> Response:
        return Response(build_schema(get_language() or "en"))


@lru_cache(maxsize=8)
def build_schema(language: str) -> Any:
    """The whole schema, built once per process and language."""
    return SchemaGenerator().get_schema(request=None, public=True)


class ErrorSerializer(Serializer):
    code = StrictCharField(max_length=60)
    status = StrictIntegerField(min_value=400, max_value=599)
    title = StrictCharField(max_length=300)


class ErrorView(OpenView):
    """What an error code means: where the `type` of a problem document leads."""

    output_serializers: ClassVar[dict[str, Any]] = {"get": ErrorSerializer}

    def get(self, request: Request, code: str) -> Response:
        error_class = all_error_classes().get(code)
        if error_class is None:
            raise NotFound()
        title = str(error_class.message)
        return Response({"code": code, "status": error_class.status, "title": title})


PAGE_POLICY = {
    **settings.SECURE_CSP,
    "script-src": ["'self'"],
    "font-src": ["'self'", "data:"],
    "worker-src": ["blob:"],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
}
"""Both pages draw themselves by script and would like to fetch logos and fonts: they may not."""


@csrf_exempt
@require_safe
def swagger_page(request: HttpRequest) -> HttpResponse:
    return _page(request, "voltop/swagger.html")


@csrf_exempt
@require_safe
def redoc_page(request: HttpRequest) -> HttpResponse:
    return _page(request, "voltop/redoc.html")


def _page(request: HttpRequest, template: str) -> HttpResponse:
    page = render(request, template)
    page[content_security.HEADER] = content_security.header(PAGE_POLICY)
    return page


urlpatterns = [
    re_path(r"^schema/?$", SchemaView.as_view(), name="schema"),
    re_path(r"^docs/?$", swagger_page, name="swagger"),
    re_path(r"^redoc/?$", redoc_page, name="redoc"),
    re_path(r"^jobs/(?P<pk>[0-9]{1,19})/?$", JobView.as_view(), name="job"),
    re_path(r"^errors/(?P<code>[a-z_]{2,60})/?$", ErrorView.as_view(), name="error"),
]

fallback = re_path(r"^api(/|$)", no_such_route)
"""The last route of the house: whatever stands below /api/ answers in JSON."""
