"""Accounts to pay from, payouts, the bank's book, and the ledger."""

from rest_framework import serializers

from payments.models import Account, BankMovement, Entry, FundingAccount, Payout, Posting
from payments.serializers import examples
from voltop.api.fields import InstantField, MoneyField, SecretField, StrictCharField, UrlField
from voltop.api.serializers import ModelSerializer, Serializer


class FundingAccountSerializer(ModelSerializer):
    """The bank's token is never shown."""

    available = MoneyField("available_amount", read_only=True, allow_null=True)

    class Meta:
        model = FundingAccount
        fields = (
            "id",
            "name",
            "gateway",
            "endpoint",
            "currency",
            "status",
            "proposed_by",
            "available",
            "available_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class FundingAccountInputSerializer(Serializer):
    """`secret` is the bank's token for this account."""

    name = StrictCharField(max_length=80)
    endpoint = UrlField(max_length=300)
    secret = SecretField(max_length=500)


class AvailableSerializer(Serializer):
    """What the account held, and when."""

    available = MoneyField(allow_zero=True)
    known_at = InstantField()


class PayoutSerializer(ModelSerializer):
    """`key` is what the bank knows it by, and never changes."""

    amount = MoneyField("amount", read_only=True)
    batch = serializers.IntegerField(source="payment.batch_id", read_only=True)
    driver = serializers.IntegerField(source="payment.driver_id", read_only=True)

    class Meta:
        model = Payout
        fields = (
            "id",
            "key",
            "payment",
            "batch",
            "driver",
            "funding_account",
            "payout_account",
            "reference",
            "amount",
            "status",
            "bank_ref",
            "bank_reason",
            "asked",
            "ask_at",
            "last_problem",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class MovementSerializer(ModelSerializer):
    amount = MoneyField("amount", read_only=True)

    class Meta:
        model = BankMovement
        fields = (
            "id",
            "funding_account",
            "seq",
            "kind",
            "key",
            "bank_ref",
            "reference",
            "amount",
            "reason",
            "booked_at",
            "match",
            "payout",
        )
        read_only_fields = fields


class AccountSerializer(ModelSerializer):
    """The balance is the sum of the postings, debit positive: what is owed is negative."""

    balance = MoneyField("balance_amount", read_only=True)

    class Meta:
        model = Account
        fields = ("id", "kind", "driver", "balance", "created_at")
        read_only_fields = fields


class PostingSerializer(ModelSerializer):
    amount = MoneyField("amount", read_only=True)

    class Meta:
        model = Posting
        fields = ("leg", "account", "amount", "category")
        read_only_fields = fields


class EntrySerializer(ModelSerializer):
    postings = PostingSerializer(many=True, read_only=True)

    schema_values = {"postings": examples.POSTINGS}

    class Meta:
        model = Entry
        fields = ("id", "source_key", "kind", "booked_on", "at", "actor", "postings")
        read_only_fields = fields


class TrialRowSerializer(Serializer):
    """All accounts of a kind together."""

    kind = serializers.CharField()
    accounts = serializers.IntegerField(min_value=0)
    balance = MoneyField(read_only=True)


class TrialBalanceSerializer(Serializer):
    """`sum` is the sum of all postings: always zero."""

    rows = TrialRowSerializer(many=True)
    entries = serializers.IntegerField(min_value=0)
    sum = MoneyField(read_only=True)

    schema_values = examples.TRIAL


class StatementLineSerializer(Serializer):
    """One movement of a driver's account as the driver feels it: positive is in their favour."""

    id = serializers.IntegerField()
    booked_on = serializers.DateField(source="entry.booked_on")
    kind = serializers.CharField(source="entry.kind")
    category = serializers.CharField()
    amount = MoneyField("felt_amount", read_only=True)


class BalanceSerializer(Serializer):
    """`owed`: what the company owes the driver now; `debt`: what the driver owes the company;
    `under_way`: payouts whose end is not known yet."""

    owed = MoneyField(read_only=True)
    debt = MoneyField(read_only=True)
    under_way = MoneyField(read_only=True)

    schema_values = examples.BALANCE
