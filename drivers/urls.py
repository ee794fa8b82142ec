"""API addresses of drivers, below /api/v1/."""

from django.urls import URLPattern, URLResolver, re_path

from drivers.views import faces, papers, phone, records
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
router.register("face-checks", faces.FaceCheckViewSet, basename="face-checks")
router.register("me/face/checks", faces.OwnFaceCheckViewSet, basename="me-face-checks")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    re_path(r"^me/today/?$", phone.TodayView.as_view()),
    re_path(r"^me/sync/?$", phone.SyncView.as_view()),
    re_path(r"^me/face/?$", faces.OwnFaceView.as_view()),
    re_path(r"^auth/face/log-in/?$", faces.FaceLogInView.as_view()),
]
