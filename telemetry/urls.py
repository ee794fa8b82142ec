"""API addresses of telemetry, below /api/v1/."""

from django.urls import URLPattern, URLResolver, re_path

from telemetry.views import samples, sources, tracking
from voltop.api.routers import Router

VEHICLE = r"vehicles/(?P<vehicle_pk>[0-9]{1,18})"

router = Router()
router.register("telemetry/sources", sources.SourceViewSet)
router.register("telemetry/devices", sources.DeviceViewSet)
router.register("telemetry/fittings", sources.FittingViewSet)
router.register("telemetry/trips", tracking.TripViewSet)
router.register("telemetry/hired-runs", tracking.HiredRunViewSet)
router.register(f"{VEHICLE}/trips", tracking.VehicleTripViewSet, basename="vehicle-trips")
router.register(
    f"{VEHICLE}/hired-runs", tracking.VehicleHiredRunViewSet, basename="vehicle-hired-runs"
)

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^telemetry/samples/?$", samples.SamplesView.as_view(), name="telemetry-samples"),
    re_path(
        r"^telemetry/quarantine/?$", sources.QuarantineView.as_view(), name="telemetry-quarantine"
    ),
    re_path(rf"^{VEHICLE}/track/?$", tracking.TrackView.as_view(), name="vehicle-track"),
    *router.urls,
]
