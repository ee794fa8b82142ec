"""API addresses of telemetry, below /api/v1/."""

from django.urls import URLPattern, URLResolver, re_path

from telemetry.views import samples

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^telemetry/samples/?$", samples.SamplesView.as_view(), name="telemetry-samples"),
]
