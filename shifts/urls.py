"""API addresses of shifts, below /api/v1/."""

from django.urls import URLPattern, URLResolver, re_path

from shifts.views.me import OwnBreakView, OwnEndView, OwnResumeView, OwnShiftView, OwnStartView
from shifts.views.platforms import (
    PlatformAccountViewSet,
    PlatformDriverViewSet,
    PlatformEntryViewSet,
)
from shifts.views.proposals import ShiftProposalViewSet
from shifts.views.shifts import ShiftEventViewSet, ShiftMetricsViewSet, ShiftViewSet
from voltop.api.routers import Router

router = Router()
router.register("shifts", ShiftViewSet)
router.register("shifts/(?P<shift_pk>[0-9]{1,18})/events", ShiftEventViewSet, "shift-events")
router.register("shift-metrics", ShiftMetricsViewSet)
router.register("shift-proposals", ShiftProposalViewSet)
router.register("platform-accounts", PlatformAccountViewSet)
router.register("platform-drivers", PlatformDriverViewSet)
router.register("platform-entries", PlatformEntryViewSet)

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    re_path(r"^me/shift/?$", OwnShiftView.as_view()),
    re_path(r"^me/shift/start/?$", OwnStartView.as_view()),
    re_path(r"^me/shift/break/?$", OwnBreakView.as_view()),
    re_path(r"^me/shift/resume/?$", OwnResumeView.as_view()),
    re_path(r"^me/shift/end/?$", OwnEndView.as_view()),
]
