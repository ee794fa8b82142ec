"""Every address of Voltop: the admin and the API of all apps (health: `voltop.health`)."""

from django.conf import settings
from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from drivers.views import app as driver_app
from fleets.views import pages
from voltop.api import urls as api_urls
from voltop.demo.city.ground import ground

handler400 = "voltop.api.exceptions.handler400"
handler403 = "voltop.api.exceptions.handler403"
handler404 = "voltop.api.exceptions.handler404"
handler500 = "voltop.api.exceptions.handler500"

demo_patterns = [path("demo/ground.geojson", ground)] if settings.DEMO else []

urlpatterns = [
    *demo_patterns,
    path("", RedirectView.as_view(url="/admin/", permanent=False)),
    path("favicon.ico", RedirectView.as_view(url=static("voltop/favicon.svg"), permanent=False)),
    path("welcome/", pages.welcome, name="welcome"),
    path("forgotten/", pages.forgotten, name="admin_password_reset"),
    path("forgotten/code/", pages.forgotten_code, name="forgotten-code"),
    path("second-factor/", pages.second_factor, name="second-factor"),
    path("driver/", driver_app.page, name="driver-app"),
    path("driver/worker.js", driver_app.worker, name="driver-worker"),
    path("driver/manifest.webmanifest", driver_app.manifest, name="driver-manifest"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("telemetry.urls")),
    path("api/v1/", include("fleets.urls")),
    path("api/v1/", include("drivers.urls")),
    path("api/v1/", include("vehicles.urls")),
    path("api/v1/", include("chat.urls")),
    path("api/v1/", include("shifts.urls")),
    path("api/v1/", include("reservations.urls")),
    path("api/v1/", include("payments.urls")),
    path("api/v1/", include("voltop.api.urls")),
    api_urls.fallback,
]
