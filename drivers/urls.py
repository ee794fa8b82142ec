"""API addresses of drivers, below /api/v1/."""

from drivers import views
from voltop.api.routers import Router

router = Router()
router.register("drivers", views.DriverViewSet, basename="drivers")
router.register(
    r"drivers/(?P<driver_pk>[0-9]{1,18})/events", views.DriverEventViewSet, basename="driver-events"
)
router.register("engagements", views.EngagementViewSet, basename="engagements")
router.register("payout-accounts", views.PayoutAccountViewSet, basename="payout-accounts")

urlpatterns = router.urls
