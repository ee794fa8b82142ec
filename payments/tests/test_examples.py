"""What the API's description shows of pay adds up, as the answers do."""

from decimal import Decimal

from payments.serializers import examples
from payments.serializers.batches import LineSerializer, PaymentDetailSerializer
from voltop.tests import house


def sum_of(rows, name: str = "amount") -> Decimal:
    return sum((Decimal(row[name]["amount"]) for row in rows), Decimal())


def test_the_lines_of_the_example_come_to_its_totals():
    amounts = {k: Decimal(v["amount"]) for k, v in examples.PAYMENT.items() if isinstance(v, dict)}
    of = {row["category"]: [] for row in examples.LINES}
    for row in examples.LINES:
        of[row["category"]].append(row)
        assert row.keys() == set(LineSerializer.Meta.fields)
    assert sum_of(of["earning"]) == amounts["earnings"]
    assert sum_of(of["reimbursement"]) == amounts["reimbursements"]
    assert sum_of(of["cash"]) == -amounts["cash"]
    assert sum_of(of["rent"]) == -amounts["deductions"]
    assert sum_of(examples.LINES) == amounts["net"]
    assert amounts["payable"] == amounts["net"] + amounts["carried"]
    assert examples.PAYMENT.keys() < set(PaymentDetailSerializer.Meta.fields)
    assert examples.BATCH["payable"] == examples.PAYMENT["payable"]


def test_the_ledger_of_the_example_comes_to_nothing():
    assert sum_of(examples.POSTINGS) == 0
    assert sum_of(examples.TRIAL["rows"], "balance") == 0


def test_the_description_shows_these_sums():
    shown = (house.ROOT / "docs" / "openapi.yaml").read_text()
    assert shown.count("amount: '-310.00'") >= 2  # of the office and of the driver
    assert shown.count("amount: '1260.00'") >= 8
