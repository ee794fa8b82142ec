"""API addresses of fleets, below /api/v1/."""

from fleets.views import providers
from voltop.api.routers import Router

router = Router()
router.register("providers", providers.ProviderView, basename="providers")
router.register("policies", providers.PolicyView, basename="policies")
router.register("depots", providers.DepotView, basename="depots")
router.register("memberships", providers.MembershipView, basename="memberships")
router.register("audit", providers.AuditView, basename="audit")

urlpatterns = router.urls
