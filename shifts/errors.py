"""Rules of shifts that somebody can break."""

from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError


# --- Starting ------------------------------------------------------------------------------------
class StartRefused(DomainError):
    """`extra.reasons` lists everything at once: code, detail, whether staff may override it."""

    code = "start_refused"
    message = _("The shift may not start: see reasons.")


class ShiftRunning(DomainError):
    """`extra.shift` is the one that runs."""

    code = "shift_running"
    constraints = ("shifts_shift_one_running",)
    message = _("The driver already has a running shift.")


class NoVehicle(DomainError):
    code = "no_vehicle"
    message = _("Name a vehicle: none is planned for this driver or usually theirs.")


class SocTooLow(DomainError):
    """`extra` tells soc_pct and min_soc_pct."""

    code = "soc_too_low"
    message = _("The battery is too low to start a shift.")


class RestTooShort(DomainError):
    """`extra.free_at` is when the driver has rested enough."""

    code = "rest_too_short"
    message = _("The driver has not rested long enough since the last shift.")


class UnplannedShift(DomainError):
    code = "unplanned_shift"
    message = _("Nothing is planned for this driver now, and unplanned shifts are not allowed.")


class TooEarly(DomainError):
    """`extra.from_at` is when the planned shift may begin."""

    code = "shift_too_early"
    message = _("It is too early to start this shift.")


# --- Periods -------------------------------------------------------------------------------------
class InvalidShiftPeriod(DomainError):
    code = "invalid_shift_period"
    status = 400
    message = _("A shift, a break and a stint end after they have begun.")


class ShiftTooLong(DomainError):
    """`extra.max_h` is the longest shift that the policy allows."""

    code = "shift_too_long"
    status = 400
    message = _("This is longer than a shift may be.")


class ShiftNotOver(DomainError):
    code = "shift_not_over"
    status = 400
    message = _("A proposal is of work that is over: its end cannot lie in the future.")


class ShiftOverlap(DomainError):
    """`extra.shift` is the other one."""

    code = "shift_overlap"
    constraints = ("shifts_shift_worked_no_overlap",)
    message = _("The driver has another shift in this period.")


class ShiftPlanOverlap(DomainError):
    """`extra.shift` is the other one."""

    code = "shift_plan_overlap"
    constraints = ("shifts_shift_planned_no_overlap",)
    message = _("Another shift of the driver is planned in this period.")


# --- While it runs, and after --------------------------------------------------------------------
class NoRunningShift(DomainError):
    code = "no_running_shift"
    message = _("You have no running shift.")


class SameVehicle(DomainError):
    code = "same_vehicle"
    message = _("The shift already has this vehicle.")


# --- Proposals -----------------------------------------------------------------------------------
class ProposalWithoutDriver(DomainError):
    code = "proposal_without_driver"
    message = _("Nobody is known to have had the car: fill the driver in first.")


class ProposalOverlap(DomainError):
    code = "proposal_overlap"
    constraints = ("shifts_proposal_no_overlap",)
    message = _("Another proposal covers this time of the vehicle.")


# --- Platform income -----------------------------------------------------------------------------
class PlatformAccountExists(DomainError):
    code = "platform_account_exists"
    constraints = ("shifts_platform_account_name",)
    message = _("Another platform account has this name.")


class PlatformDriverTaken(DomainError):
    """`extra.driver` has this id in that period."""

    code = "platform_driver_taken"
    constraints = ("shifts_platform_driver_no_overlap",)
    message = _("This platform id belongs to another driver in this period.")


class PlatformDriverEnded(DomainError):
    code = "platform_driver_ended"
    message = _("This platform id has already been taken away.")


class InvalidPlatformPeriod(DomainError):
    code = "invalid_platform_period"
    status = 400
    message = _("A platform id is taken away after it was given.")


class EntryDiffers(DomainError):
    """`extra.entry` is the one that is known."""

    code = "entry_differs"
    message = _("This transaction is known with other values: platforms send a new one instead.")


class EntryCurrency(DomainError):
    code = "entry_currency"
    status = 400
    message = _("The amount is not in the currency of the platform account.")


class EntrySign(DomainError):
    """Fees and refunds are negative; fares, tips and cash collected are not."""

    code = "entry_sign"
    status = 400
    message = _("The sign of the amount does not go with the kind.")
