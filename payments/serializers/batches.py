"""Batches, payments and their lines."""

from rest_framework import serializers

from payments.models import (
    FundingAccount,
    PayGroup,
    Payment,
    PaymentBatch,
    PaymentBatchEvent,
    PaymentLine,
    RunType,
)
from payments.serializers import examples
from voltop.api.fields import DateField, MoneyField, ProviderRelatedField, StrictChoiceField
from voltop.api.fields import StrictCharField as Text
from voltop.api.serializers import ModelSerializer, Serializer


class BatchSerializer(ModelSerializer):
    """`job` is the latest work on the batch; totals are those of the last calculation."""

    job = serializers.IntegerField(source="job_id", allow_null=True)
    payable = MoneyField("payable_amount", read_only=True)
    carried = MoneyField("carried_amount", read_only=True)

    schema_values = examples.BATCH

    class Meta:
        model = PaymentBatch
        fields = (
            "id",
            "number",
            "pay_group",
            "run_type",
            "period_starts_on",
            "period_ends_on",
            "pay_on",
            "currency",
            "status",
            "calculation",
            "job",
            "drivers",
            "exceptions",
            "payable",
            "carried",
            "four_eyes",
            "created_by",
            "changed_by",
            "approved_by",
            "approved_at",
            "posted_at",
            "funding_account",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class BatchInputSerializer(Serializer):
    """The period is half-open: `period_ends_on` is the first day after it."""

    pay_group = ProviderRelatedField(queryset=PayGroup.objects.all())
    period_starts_on = DateField()
    period_ends_on = DateField()
    run_type = StrictChoiceField(choices=RunType.choices, required=False)
    pay_on = DateField(required=False, allow_null=True)


class FundedMoveSerializer(Serializer):
    """A move of a batch that may name the account to pay from."""

    funding_account = ProviderRelatedField(
        queryset=FundingAccount.objects.all(), required=False, allow_null=True
    )
    reason = Text(max_length=500, required=False, allow_blank=True)


class BatchEventSerializer(ModelSerializer):
    class Meta:
        model = PaymentBatchEvent
        fields = ("id", "from_state", "to_state", "actor", "at", "reason")
        read_only_fields = fields


class LineSerializer(ModelSerializer):
    """`quantity` in base units of `unit` (s, m, trip, day, entry, money in smallest units)."""

    amount = MoneyField("amount", read_only=True)
    paid_before = MoneyField("paid_before_amount", read_only=True)

    class Meta:
        model = PaymentLine
        fields = (
            "id",
            "payment",
            "position",
            "category",
            "key",
            "terms",
            "window_starts_on",
            "window_ends_on",
            "quantity",
            "unit",
            "rate",
            "paid_before",
            "amount",
            "adjustment",
            "carried_from",
            "evidence",
        )
        read_only_fields = fields


class PaymentSerializer(ModelSerializer):
    """net = earnings + reimbursements - cash - deductions; payable = net + carried."""

    earnings = MoneyField("earnings_amount", read_only=True)
    reimbursements = MoneyField("reimbursements_amount", read_only=True)
    cash = MoneyField("cash_amount", read_only=True)
    deductions = MoneyField("deductions_amount", read_only=True)
    net = MoneyField("net_amount", read_only=True)
    carried = MoneyField("carried_amount", read_only=True)
    payable = MoneyField("payable_amount", read_only=True)
    previous_payable = MoneyField("previous_payable_amount", read_only=True, allow_null=True)
    exceptions = serializers.ListField(child=serializers.DictField(), read_only=True)
    flags = serializers.ListField(child=serializers.DictField(), read_only=True)

    schema_values = {**examples.PAYMENT, "lines": examples.LINES}

    class Meta:
        model = Payment
        fields: tuple[str, ...] = (
            "id",
            "uuid",
            "batch",
            "driver",
            "run_type",
            "period_starts_on",
            "period_ends_on",
            "status",
            "earnings",
            "reimbursements",
            "cash",
            "deductions",
            "net",
            "carried",
            "payable",
            "previous_payable",
            "exceptions",
            "flags",
            "calculated_at",
            "approved_at",
            "updated_at",
        )
        read_only_fields = fields


class PaymentDetailSerializer(PaymentSerializer):
    """With its lines."""

    lines = LineSerializer(many=True, read_only=True)

    class Meta(PaymentSerializer.Meta):
        fields = (*PaymentSerializer.Meta.fields, "lines")
        read_only_fields = fields


class OwnPaymentSerializer(PaymentSerializer):
    """A driver's payment as the driver sees it."""

    class Meta(PaymentSerializer.Meta):
        fields = tuple(
            name
            for name in PaymentSerializer.Meta.fields
            if name not in ("exceptions", "flags", "previous_payable", "batch", "driver")
        )
        read_only_fields = fields


class OwnPaymentDetailSerializer(OwnPaymentSerializer):
    lines = LineSerializer(many=True, read_only=True)

    class Meta(OwnPaymentSerializer.Meta):
        fields = (*OwnPaymentSerializer.Meta.fields, "lines")
        read_only_fields = fields
