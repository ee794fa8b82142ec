"""Query parameters of payments' lists."""

from fleets.records import RefFilter
from payments.models import (
    AccountKind,
    AdjustmentKind,
    AdjustmentStatus,
    BatchStatus,
    EntryKind,
    FundingStatus,
    MatchStatus,
    MovementKind,
    PaymentStatus,
    PayoutStatus,
    RunType,
)
from voltop.api.filters import (
    BooleanFilter,
    ChoiceFilter,
    DateFilter,
    FilterSet,
    IdFilter,
    TextFilter,
)


class PayGroupFilter(FilterSet):
    retired = BooleanFilter("retired_at", "isnull", exclude=True)


class PayPlanFilter(FilterSet):
    retired = BooleanFilter("retired_at", "isnull", exclude=True)


class TermsFilter(FilterSet):
    driver = IdFilter("driver_id")
    pay_group = IdFilter("pay_group_id")
    plan_version = IdFilter("plan_version_id")
    accepted = BooleanFilter("accepted_at", "isnull", exclude=True)


class AdjustmentFilter(FilterSet):
    driver = IdFilter("driver_id")
    kind = ChoiceFilter(choices=AdjustmentKind)
    status = ChoiceFilter(choices=AdjustmentStatus)
    ref = RefFilter()


class BatchFilter(FilterSet):
    pay_group = IdFilter("pay_group_id")
    status = ChoiceFilter(choices=BatchStatus)
    run_type = ChoiceFilter(choices=RunType)


class PaymentFilter(FilterSet):
    batch = IdFilter("batch_id")
    driver = IdFilter("driver_id")
    status = ChoiceFilter(choices=PaymentStatus)


class LineFilter(FilterSet):
    payment = IdFilter("payment_id")
    batch = IdFilter("payment__batch_id")
    driver = IdFilter("payment__driver_id")


class PayoutFilter(FilterSet):
    batch = IdFilter("payment__batch_id")
    payment = IdFilter("payment_id")
    status = ChoiceFilter(choices=PayoutStatus)


class FundingAccountFilter(FilterSet):
    status = ChoiceFilter(choices=FundingStatus)


class MovementFilter(FilterSet):
    funding_account = IdFilter("funding_account_id")
    match = ChoiceFilter(choices=MatchStatus)
    kind = ChoiceFilter(choices=MovementKind)


class AccountFilter(FilterSet):
    driver = IdFilter("driver_id")
    kind = ChoiceFilter(choices=AccountKind)


class EntryFilter(FilterSet):
    kind = ChoiceFilter(choices=EntryKind)
    source_key = TextFilter()
    booked_from = DateFilter("booked_on", "gte")
    booked_to = DateFilter("booked_on", "lt")
