"""Rules of vehicles that somebody can break."""

from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError

KINDS = ("permanent", "temporary", "shift")


class InvalidVin(DomainError):
    """`extra.reason` is form or check_digit."""

    code = "invalid_vin"
    status = 400
    message = _("Not a valid vehicle identification number (ISO 3779).")


class InvalidPlate(DomainError):
    code = "invalid_plate"
    status = 400
    message = _("A plate consists of letters and digits, at most 16.")


class VinTaken(DomainError):
    """`extra.vehicle` is the record that already stands here."""

    code = "vin_taken"
    constraints = ("vehicles_vehicle_vin_unique",)
    message = _("Another vehicle has this identification number.")


class PlateTaken(DomainError):
    code = "plate_taken"
    constraints = ("vehicles_vehicle_plate_unique",)
    message = _("Another vehicle has this plate.")


class LabelTaken(DomainError):
    code = "label_taken"
    constraints = ("vehicles_vehicle_label_unique",)
    message = _("Another vehicle has this label.")


class VehicleNotInService(DomainError):
    code = "vehicle_not_in_service"
    message = _("The vehicle is not in service: nothing new can be started with it.")


class VehicleRetired(DomainError):
    code = "vehicle_retired"
    message = _("The vehicle is retired: it keeps its history and takes nothing new.")


class VehicleInUse(DomainError):
    """`extra` names the driver who has it on shift, and the assignment."""

    code = "vehicle_in_use"
    message = _("A driver has the vehicle on shift: end or change that first.")


class InvalidTenureStart(DomainError):
    code = "invalid_tenure_start"
    status = 400
    message = _("A tenure begins now or in the past, after any earlier one has ended.")


class TransferToSelf(DomainError):
    code = "transfer_to_self"
    status = 400
    message = _("The vehicle is already this provider's.")


class OutsideTenure(DomainError):
    """`extra` tells from when to when the vehicle is the provider's."""

    code = "outside_tenure"
    message = _("The vehicle is not yours over the whole of this period.")


class InvalidAssignmentPeriod(DomainError):
    code = "invalid_assignment_period"
    status = 400
    message = _("An assignment ends after it has begun.")


class VehicleAssigned(DomainError):
    """`extra` names the winner: assignment, driver, starts_at, ends_at."""

    code = "vehicle_assigned"
    constraints = tuple(f"vehicles_{kind}_one_vehicle" for kind in KINDS)
    message = _("Another driver has the vehicle in this period.")


class DriverAssigned(DomainError):
    """`extra` names the winner: assignment, vehicle, starts_at, ends_at."""

    code = "driver_assigned"
    constraints = tuple(f"vehicles_{kind}_one_driver" for kind in KINDS)
    message = _("The driver has another vehicle in this period.")


class AssignmentEnded(DomainError):
    code = "assignment_ended"
    message = _("The assignment has already ended or was called off.")


class AssignmentBegun(DomainError):
    code = "assignment_begun"
    message = _("The assignment has begun: it can be ended, not called off.")


class AssignmentOfShift(DomainError):
    code = "assignment_of_shift"
    message = _("This assignment belongs to a shift: change the shift.")


class AssignmentsNotAlike(DomainError):
    code = "assignments_not_alike"
    message = _("Only two running assignments of the same kind can be swapped.")
