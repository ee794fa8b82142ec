"""Rules of drivers that somebody can break."""

from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError


class DriverExists(DomainError):
    """`extra.driver` is the record that already stands here."""

    code = "driver_exists"
    constraints = ("drivers_driver_one_per_user",)
    message = _("This person already has a driver record here.")


class EmployeeNumberTaken(DomainError):
    code = "employee_number_taken"
    constraints = ("drivers_driver_employee_number",)
    message = _("Another driver has this employee number.")


class LoginRequired(DomainError):
    code = "login_required"
    status = 400
    message = _("A driver needs a phone number or an e-mail address to log in with.")


class InvalidPhone(DomainError):
    code = "invalid_phone"
    status = 400
    message = _("Not a valid phone number; write it with its country code, +52 55 ….")


class InvalidBirthDate(DomainError):
    code = "invalid_birth_date"
    status = 400
    message = _("A driver is between 16 and 100 years old.")


class NoDriverRecord(DomainError):
    code = "no_driver_record"
    message = _("You are not a driver of this company.")


class DriverNotActive(DomainError):
    code = "driver_not_active"
    message = _("The driver is not active: nothing new can be started.")


class DriverBlocked(DomainError):
    """`extra.blockers` lists all of it."""

    code = "driver_blocked"
    message = _("The driver still has a vehicle or a running shift: end that first.")


class EngagementOverlap(DomainError):
    code = "engagement_overlap"
    constraints = ("drivers_engagement_no_overlap",)
    message = _("The driver has another engagement in this period.")


class EngagementEnded(DomainError):
    code = "engagement_ended"
    message = _("The engagement has already ended; an end can only be brought forward.")


class InvalidEngagementPeriod(DomainError):
    code = "invalid_engagement_period"
    status = 400
    message = _("An engagement ends after it has begun.")


class InvalidPayoutAccount(DomainError):
    """`extra.reason` tells what is wrong: format, length, check_digit, unknown_field, …"""

    code = "invalid_payout_account"
    status = 400
    message = _("This account number is not valid.")


class PayoutAccountUnchanged(DomainError):
    code = "payout_account_unchanged"
    message = _("This is already the driver's account.")
