"""Pay groups, plans, terms and adjustments: what is shown, and what may be sent."""

from drivers.models import Driver
from fleets.records import RefsField
from payments.models import (
    Adjustment,
    AdjustmentKind,
    Cadence,
    PayComponent,
    PayGroup,
    PayPlan,
    PayPlanVersion,
    Terms,
)
from payments.rules.components import Window
from payments.rules.parse import MAX_COMPONENTS, RULES
from payments.rules.rent import RentPer
from voltop.api.bulk import BulkField
from voltop.api.fields import (
    INT8_MAX,
    DateField,
    MoneyField,
    ObjectField,
    ProviderRelatedField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
    StrictListField,
)
from voltop.api.serializers import ModelSerializer, Serializer

RENT_PER = [(per.value, per.value) for per in RentPer]


class PayGroupSerializer(ModelSerializer):
    class Meta:
        model = PayGroup
        fields = (
            "id",
            "name",
            "cadence",
            "week_starts_on",
            "week_starts_hour",
            "anchor_on",
            "cutoff_days",
            "pay_after_days",
            "is_default",
            "retired_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class PayGroupInputSerializer(Serializer):
    """`anchor_on` is some first day of a biweekly period; weekdays count from Monday, 0."""

    name = StrictCharField(max_length=80)
    cadence = StrictChoiceField(choices=Cadence.choices)
    anchor_on = DateField()
    week_starts_on = StrictIntegerField(min_value=0, max_value=6, required=False)
    week_starts_hour = StrictIntegerField(min_value=0, max_value=23, required=False)
    cutoff_days = StrictIntegerField(min_value=0, max_value=60, required=False)
    pay_after_days = StrictIntegerField(min_value=0, max_value=60, required=False)


class PayComponentSerializer(ModelSerializer):
    class Meta:
        model = PayComponent
        fields = ("key", "rule", "window", "params")
        read_only_fields = fields


class PayPlanVersionSerializer(ModelSerializer):
    """One wording of a plan; terms name its id."""

    components = PayComponentSerializer(many=True, read_only=True)

    class Meta:
        model = PayPlanVersion
        fields = (
            "id",
            "plan",
            "number",
            "effective_from",
            "currency",
            "components",
            "created_at",
        )
        read_only_fields = fields


class PayPlanSerializer(ModelSerializer):
    versions = PayPlanVersionSerializer(many=True, read_only=True)

    class Meta:
        model = PayPlan
        fields = ("id", "name", "versions", "retired_at", "created_at", "updated_at")
        read_only_fields = fields


class ComponentInputSerializer(Serializer):
    """`params` by rule, decimals as strings: hourly {rate, from_h?, to_h?} · per_km {rate, basis}
    · per_trip {rate} · income_share {kinds, tiers: [{from, pct}]} · guarantee {rate, counts} ·
    bonus {metric, at_least, amount, kinds?}."""

    schema_example = {
        "key": "share",
        "rule": "income_share",
        "window": "week",
        "params": {"kinds": ["fare"], "tiers": [{"from": "0", "pct": "58"}]},
    }

    key = StrictCharField(max_length=32)
    rule = StrictChoiceField(choices=[(name, name) for name in RULES])
    window = StrictChoiceField(choices=[(window.value, window.value) for window in Window])
    params = ObjectField(max_bytes=4096)


class PayPlanVersionInputSerializer(Serializer):
    effective_from = DateField()
    components = StrictListField(
        child=ComponentInputSerializer(), min_length=1, max_length=MAX_COMPONENTS
    )


class PayPlanInputSerializer(PayPlanVersionInputSerializer):
    name = StrictCharField(max_length=80)


class TermsSerializer(ModelSerializer):
    rent = MoneyField("rent_amount", read_only=True)
    deposit_target = MoneyField("deposit_target_amount", read_only=True, allow_null=True)
    accident_excess = MoneyField("accident_excess_amount", read_only=True, allow_null=True)

    class Meta:
        model = Terms
        fields = (
            "id",
            "driver",
            "pay_group",
            "plan_version",
            "valid_from",
            "valid_to",
            "rent",
            "rent_per",
            "deposit_target",
            "accident_excess",
            "text",
            "text_sha256",
            "accepted_at",
            "accepted_how",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class TermsInputSerializer(Serializer):
    """`valid_from` may lie in the past; `valid_to` is the first day on which they do not hold."""

    driver = ProviderRelatedField(queryset=Driver.objects.all())
    pay_group = ProviderRelatedField(queryset=PayGroup.objects.all())
    plan_version = ProviderRelatedField(queryset=PayPlanVersion.objects.all())
    valid_from = DateField()
    valid_to = DateField(required=False, allow_null=True)
    rent = MoneyField(required=False, allow_null=True)
    rent_per = StrictChoiceField(choices=RENT_PER, required=False)
    deposit_target = MoneyField(required=False, allow_null=True)
    accident_excess = MoneyField(required=False, allow_null=True)
    text = StrictCharField(max_length=20_000, required=False, allow_blank=True)


class AcceptanceSerializer(Serializer):
    """Where the signed paper is kept."""

    evidence = StrictCharField(max_length=500)


class TermsEndSerializer(Serializer):
    valid_to = DateField()
    reason = StrictCharField(max_length=500, required=False, allow_blank=True)


class TermsRowSerializer(Serializer):
    """As a single offer; with `evidence`, the paper that the driver signed is recorded too."""

    driver = StrictIntegerField(min_value=1, max_value=INT8_MAX)
    valid_from = DateField()
    valid_to = DateField(required=False, allow_null=True)
    rent = MoneyField(required=False, allow_null=True)
    rent_per = StrictChoiceField(choices=RENT_PER, required=False)
    text = StrictCharField(max_length=20_000, required=False, allow_blank=True)
    evidence = StrictCharField(max_length=500, required=False)


class TermsBulkSerializer(Serializer):
    """Terms of many drivers under one plan and in one group."""

    pay_group = ProviderRelatedField(queryset=PayGroup.objects.all())
    plan_version = ProviderRelatedField(queryset=PayPlanVersion.objects.all())
    rows = BulkField(child=TermsRowSerializer())


class AdjustmentSerializer(ModelSerializer):
    """The amount as the driver feels it: negative is taken."""

    amount = MoneyField("amount", read_only=True)

    refs = RefsField()

    class Meta:
        model = Adjustment
        fields = (
            "id",
            "driver",
            "series",
            "kind",
            "amount",
            "due_on",
            "reason",
            "evidence",
            "about_type",
            "about_id",
            "status",
            "requested_by",
            "decided_by",
            "decided_at",
            "refs",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class AdjustmentInputSerializer(Serializer):
    """A positive amount; the kind says whether it is given or taken. Corrections are signed."""

    driver = ProviderRelatedField(queryset=Driver.objects.all())
    kind = StrictChoiceField(choices=AdjustmentKind.choices)
    amount = MoneyField(allow_negative=True)
    due_on = DateField()
    reason = StrictCharField(max_length=500)
    evidence = StrictCharField(max_length=500, required=False, allow_blank=True)
    about_type = StrictCharField(max_length=40, required=False, allow_blank=True)
    about_id = StrictCharField(max_length=40, required=False, allow_blank=True)


class SeriesInputSerializer(Serializer):
    driver = ProviderRelatedField(queryset=Driver.objects.all())
    kind = StrictChoiceField(choices=AdjustmentKind.choices)
    total = MoneyField(allow_negative=True)
    occurrences = StrictIntegerField(min_value=2, max_value=120)
    first_due_on = DateField()
    every_days = StrictIntegerField(min_value=1, max_value=366)
    reason = StrictCharField(max_length=500)
    evidence = StrictCharField(max_length=500, required=False, allow_blank=True)


class SeriesSerializer(Serializer):
    """The adjustments that a series consists of."""

    adjustments = AdjustmentSerializer(many=True)
