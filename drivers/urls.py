"""API addresses of drivers, below /api/v1/."""

from drivers.views import papers, records
from voltop.api.routers import Router

router = Router()
router.register("drivers", records.DriverViewSet, basename="drivers")
router.register(
    r"drivers/(?P<driver_pk>[0-9]{1,18})/events",
    records.DriverEventViewSet,
    basename="driver-events",
)
router.register("engagements", records.EngagementViewSet, basename="engagements")
router.register("payout-accounts", records.PayoutAccountViewSet, basename="payout-accounts")
router.register("documents", papers.DocumentViewSet, basename="documents")
router.register("me/papers", papers.OwnDocumentViewSet, basename="me-papers")

urlpatterns = router.urls
