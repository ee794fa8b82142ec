"""Rules of reservations that somebody can break."""

from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError


class ConnectorTaken(DomainError):
    """`extra.free` lists the next windows of the wanted length on any plug that fits, on the
    station's grid."""

    code = "connector_taken"
    constraints = ("reservations_evse_taken",)
    message = _("The charger is booked in this time.")


class VehicleTaken(DomainError):
    """`extra.reservation` is the vehicle's other booking; `extra.free` its next free windows on
    the station's grid."""

    code = "vehicle_taken"
    constraints = ("reservations_vehicle_taken",)
    message = _("The vehicle is booked elsewhere in this time.")


class ReservationOffGrid(DomainError):
    code = "reservation_off_grid"
    status = 400
    message = _("Bookings here begin and end on a grid of minutes.")


class ReservationTooLong(DomainError):
    code = "reservation_too_long"
    status = 400
    message = _("The booking is longer than allowed here.")


class ReservationEmpty(DomainError):
    code = "reservation_empty"
    status = 400
    message = _("A booking ends after it has begun.")


class ReservationInPast(DomainError):
    code = "reservation_in_past"
    status = 400
    message = _("The booking lies in the past.")


class ReservationTooFar(DomainError):
    code = "reservation_too_far"
    status = 400
    message = _("The booking lies further ahead than allowed.")


class TooManyReservations(DomainError):
    code = "too_many_reservations"
    message = _("The driver has as many open bookings as allowed.")


class NoShowLimit(DomainError):
    code = "no_show_limit"
    message = _("The driver has missed too many bookings in the last 30 days.")


class StationNotBookable(DomainError):
    code = "station_not_bookable"
    message = _("This station cannot be booked.")


class StationClosed(DomainError):
    code = "station_closed"
    message = _("The station is not open for all of this time.")


class StationNameTaken(DomainError):
    code = "station_name_taken"
    constraints = ("reservations_station_name",)
    message = _("Another station has this name.")


class EvseOutOfService(DomainError):
    code = "evse_out_of_service"
    message = _("The charger is out of service.")


class ConnectorDoesNotFit(DomainError):
    code = "connector_does_not_fit"
    message = _("No plug here fits the vehicle's inlet.")


class CheckInOutsidePeriod(DomainError):
    code = "check_in_outside_period"
    message = _("Checking in is possible shortly before the booking's start until its end.")


class EvseUnknown(DomainError):
    code = "evse_unknown"
    status = 400
    message = _("The station has no such charger or plug.")


class SessionOverlap(DomainError):
    """`extra.session` is the one that was there before."""

    code = "session_overlap"
    constraints = ("reservations_session_no_overlap",)
    message = _("The charger served another car in this time.")


class SessionMismatch(DomainError):
    code = "session_mismatch"
    message = _("Another session with this id is known, with other values.")


class SessionBackwards(DomainError):
    code = "session_backwards"
    status = 400
    message = _("A session does not end before it begins.")
