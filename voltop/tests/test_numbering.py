"""Numbers are gapless and unique: counted with several real connections at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from voltop.numbering import Counter, next_number


@pytest.mark.django_db
def test_each_series_of_a_provider_counts_from_one():
    assert [next_number(1, "payslip") for _ in range(3)] == [1, 2, 3]
    assert next_number(1, "payout") == 1
    assert next_number(2, "payslip") == 1
    counter = Counter.objects.get(provider_id=1, name="payslip")
    assert (counter.last, counter.row_version) == (3, 3)


@pytest.mark.django_db(transaction=True)
def test_a_rollback_gives_its_number_back():
    with transaction.atomic():
        next_number(1, "payslip")
        transaction.set_rollback(True)
    with transaction.atomic():
        assert next_number(1, "payslip") == 1


@pytest.mark.django_db(transaction=True)
def test_a_number_outside_a_transaction_is_a_mistake():
    with pytest.raises(RuntimeError, match="transaction"):
        next_number(1, "payslip")


@pytest.mark.django_db(transaction=True)
def test_parallel_takers_leave_no_gap_and_take_no_number_twice():
    taken: list[int] = []
    lock = threading.Lock()

    def take(n: int) -> None:
        with transaction.atomic():
            number = next_number(7, "payslip")
            transaction.set_rollback(n % 5 == 0)
        if n % 5:
            with lock:
                taken.append(number)
        connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, range(100)))
    assert sorted(taken) == list(range(1, 81))
