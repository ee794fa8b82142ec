"""API addresses of reservations, below /api/v1/."""

from reservations.views import bookings, places, sessions
from voltop.api.routers import Router

router = Router()
router.register("stations", places.StationViewSet, basename="stations")
router.register("evses", places.EvseViewSet, basename="evses")
router.register("connectors", places.ConnectorViewSet, basename="connectors")
router.register("reservations", bookings.ReservationViewSet, basename="reservations")
router.register(
    r"reservations/(?P<reservation_pk>[0-9]{1,18})/events",
    bookings.ReservationEventViewSet,
    basename="reservation-events",
)
router.register("me/stations", places.OwnStationViewSet, basename="me-stations")
router.register("me/reservations", bookings.OwnReservationViewSet, basename="me-reservations")
router.register("charging-sessions", sessions.SessionViewSet, basename="charging-sessions")

urlpatterns = router.urls
