"""API addresses of vehicles, below /api/v1/."""

from vehicles import views
from voltop.api.routers import Router

BELOW = r"vehicles/(?P<vehicle_pk>[0-9]{1,18})"

router = Router()
router.register("vehicle-models", views.VehicleModelViewSet)
router.register("vehicles/live", views.LiveVehicleViewSet)
router.register("vehicles", views.VehicleViewSet)
router.register(f"{BELOW}/events", views.VehicleEventViewSet, basename="vehicle-events")
router.register(f"{BELOW}/plates", views.VehiclePlateViewSet, basename="vehicle-plates")
router.register(f"{BELOW}/days", views.VehicleDayViewSet, basename="vehicle-days")
router.register("tenures", views.TenureViewSet)
router.register("assignments", views.AssignmentViewSet)

urlpatterns = router.urls
