"""Rules of payments that somebody can break."""

from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError


# --- Plans and terms -----------------------------------------------------------------------------
class NameTaken(DomainError):
    code = "name_taken"
    constraints = (
        "payments_pay_group_name",
        "payments_pay_plan_name",
        "payments_funding_account_name",
    )
    message = _("Another one has this name.")


class PayGroupRetired(DomainError):
    code = "pay_group_retired"
    message = _("The pay group is retired.")


class PayGroupInUse(DomainError):
    """`extra.drivers` counts the drivers whose terms still point here."""

    code = "pay_group_in_use"
    message = _("Drivers are still paid in this group.")


class PayPlanRetired(DomainError):
    code = "pay_plan_retired"
    message = _("The pay plan is retired.")


class InvalidComponent(DomainError):
    """`extra` tells the component's index, the parameter and what is wrong with it."""

    code = "invalid_component"
    status = 400
    message = _("A component of the plan is not right.")


class CurrencyMismatch(DomainError):
    code = "currency_mismatch"
    status = 400
    message = _("All money of a provider is in its one currency.")


class DebtLimit(DomainError):
    """A reason of `start_refused`; `extra` tells debt_amount and currency."""

    code = "debt_limit"
    message = _("The driver owes the company more than its limit.")


class TermsOverlap(DomainError):
    """`extra.terms` are the others; end those first."""

    code = "terms_overlap"
    constraints = ("payments_terms_no_overlap",)
    message = _("The driver has other terms in this period.")


class InvalidTermsPeriod(DomainError):
    code = "invalid_terms_period"
    status = 400
    message = _("Terms end after they have begun, and begin no earlier than their plan's version.")


class TermsAccepted(DomainError):
    code = "terms_accepted"
    message = _("The terms are already accepted.")


class TermsEnded(DomainError):
    code = "terms_ended"
    message = _("The terms have already ended.")


class TermsUsed(DomainError):
    """`extra.paid_to` is the first day that no approved payment covers."""

    code = "terms_used"
    message = _("Approved payments rest on these terms: they cannot end before that.")


class RentIncomplete(DomainError):
    code = "rent_incomplete"
    status = 400
    message = _("A rent has an amount and says per what: day, work_day or week.")


# --- Adjustments ---------------------------------------------------------------------------------
class AdjustmentSign(DomainError):
    """The amount of a correction is signed; every other kind has its own sign."""

    code = "adjustment_sign"
    status = 400
    message = _("Give a positive amount; only a correction may be negative, and none is zero.")


class AdjustmentDiffers(DomainError):
    """`extra.fields` are those that differ from what was asked for before."""

    code = "adjustment_differs"
    message = _("This adjustment was asked for with other values: they are never changed.")


class OwnRequest(DomainError):
    code = "own_request"
    status = 403
    message = _("Somebody else must decide on what you asked for.")


# --- Batches -------------------------------------------------------------------------------------
class InvalidPeriod(DomainError):
    """`extra` proposes the pay group's period."""

    code = "invalid_pay_period"
    status = 400
    message = _("A regular batch covers exactly one period of its pay group.")


class PeriodNotOver(DomainError):
    """`extra.from_on` is the first day on which it may be calculated."""

    code = "period_not_over"
    message = _("The period and its cut-off are not over yet.")


class BatchOverlap(DomainError):
    """`extra.batch` is the other one."""

    code = "batch_overlap"
    constraints = ("payments_batch_regular_no_overlap", "payments_batch_off_cycle_no_overlap")
    message = _("Another batch of this group covers some of these days.")


class FourEyes(DomainError):
    code = "four_eyes"
    status = 403
    constraints = ("payments_batch_four_eyes",)
    message = _("Whoever made or last changed this cannot approve it.")


class PersonRequired(DomainError):
    code = "person_required"
    status = 403
    message = _("Only a person can do this, no program.")


class NothingToApprove(DomainError):
    code = "nothing_to_approve"
    message = _("No payment of this batch is ready.")


class CalculationOutdated(DomainError):
    """`extra.drivers` lists some of the drivers whose shifts have changed since."""

    code = "calculation_outdated"
    message = _("Something changed since the calculation: calculate again.")


class CalculationRunning(DomainError):
    code = "calculation_running"
    message = _("The batch is being calculated.")


class NotPosted(DomainError):
    code = "not_posted"
    message = _("The approved payments are still being booked: try again in a moment.")


class UnsettledPayments(DomainError):
    """`extra` counts what is still open, by state."""

    code = "unsettled_payments"
    message = _("Some payments of this batch are not settled yet.")


class FundingShort(DomainError):
    """`extra` tells what is available, since when it is known, and what is needed."""

    code = "funding_short"
    message = _("The paying account does not hold this much.")


# --- Paying --------------------------------------------------------------------------------------
class SandboxBankOnly(DomainError):
    code = "sandbox_bank_only"
    status = 400
    message = _("A company for tests pays from the sandbox bank, and from no other.")


class NoFundingAccount(DomainError):
    code = "no_funding_account"
    message = _("Name an active account to pay from.")


class FundingAccountNotActive(DomainError):
    code = "funding_account_not_active"
    message = _("The account to pay from is not active.")


class NoPayoutAccount(DomainError):
    """`extra.hold_until` is set where the account is new and still on hold."""

    code = "no_payout_account"
    message = _("The driver has no account that money may be sent to now.")


class BankUnreachable(DomainError):
    code = "bank_unreachable"
    status = 502
    message = _("The bank did not answer: nothing was changed.")
