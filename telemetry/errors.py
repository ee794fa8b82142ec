"""Rules of telemetry that somebody can break.

Those about one sample come back inside a 200 answer, beside its index; the others are answers of
their own.
"""

from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError


class VehicleRequired(DomainError):
    code = "vehicle_required"
    status = 400
    message = _("Name the vehicle by exactly one of vehicle and device.")


class UnknownVehicle(DomainError):
    """Absent, or another company's at the sample's time: the two are never told apart."""

    code = "unknown_vehicle"
    status = 400
    message = _("This source has no such vehicle at the time of the sample.")


class PositionIncomplete(DomainError):
    code = "position_incomplete"
    status = 400
    message = _("Latitude and longitude come together.")


class RecordedInFuture(DomainError):
    code = "recorded_in_future"
    status = 400
    message = _("The sample's time is more than 5 minutes ahead: check the device's clock.")


class RecordedTooEarly(DomainError):
    code = "recorded_too_early"
    status = 400
    message = _("The sample's time is before 2000: check the device's clock.")


class PastRetention(DomainError):
    """`extra.retention_days` is how long the vehicle's company keeps samples."""

    code = "past_retention"
    status = 400
    message = _("The sample is older than samples are kept.")


class TooManyDays(DomainError):
    """Each day is a table of its own: one batch may not open hundreds of them."""

    code = "too_many_days"
    status = 400
    message = _("This batch reaches over too many days: send fewer at once.")


class TooManySamples(DomainError):
    code = "too_many_samples"
    status = 413
    message = _("A batch holds at most 5,000 samples.")


class SourceDisabled(DomainError):
    code = "source_disabled"
    status = 403
    message = _("This telemetry source is switched off.")


class SourceNameTaken(DomainError):
    code = "source_name_taken"
    constraints = ("telemetry_source_name_unique",)
    message = _("Another source has this name.")


class DeviceAlreadyFitted(DomainError):
    """`extra.vehicle` is the car it is in, from `extra.starts_at`."""

    code = "device_already_fitted"
    constraints = ("telemetry_fitting_no_overlap",)
    message = _("This tracker is in another vehicle in this period.")


class FittingEnded(DomainError):
    code = "fitting_ended"
    message = _("This tracker has already been taken out.")


class InvalidFittingPeriod(DomainError):
    code = "invalid_fitting_period"
    status = 400
    message = _("A tracker is taken out after it was put in.")


class UnknownMapping(DomainError):
    """`extra.known` lists the mappings there are."""

    code = "unknown_mapping"
    status = 400
    message = _("There is no such column mapping.")


class TrackTooLong(DomainError):
    code = "track_too_long"
    status = 400
    message = _("A track covers at most 31 days.")


class ImportRunning(DomainError):
    code = "import_running"
    message = _("This file is being imported right now.")
