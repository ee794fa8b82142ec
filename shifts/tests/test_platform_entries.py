"""Transactions of ride platforms: once each, an answer each, attached to the shift in force."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from shifts import services
from shifts.errors import (
    InvalidPlatformPeriod,
    PlatformAccountExists,
    PlatformDriverEnded,
    PlatformDriverTaken,
)
from shifts.models import MetricsRequest, PlatformAccount, PlatformEntry
from shifts.services import EntryRow
from shifts.signals import entries_posted
from shifts.tests.scene import T0, Scene, at
from voltop.clock import UnknownTimezone
from voltop.errors import NotFound

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(scene: Scene) -> PlatformAccount:
    return services.create_platform_account(
        scene.cast.a, actor=scene.actor, platform="uber", name="Uber MX"
    )


def row(scene: Scene, external_id: str = "t-1", **values) -> EntryRow:
    return EntryRow(
        **{
            "external_id": external_id,
            "kind": "fare",
            "occurred_at": at(1),
            "posted_at": at(30),
            "amount": Decimal("87.50"),
            "currency": "MXN",
            "driver_id": scene.cast.driver.pk,
            **values,
        }
    )


def post(scene: Scene, account: PlatformAccount, *rows: EntryRow) -> list[str]:
    """The outcome of each row: created, duplicate, or the code of its refusal."""
    results = services.post_entries(account, rows, actor=scene.actor)
    assert len(results) == len(rows)
    return [result.error.code if result.error else result.outcome for result in results]


def test_account_has_the_companys_currency_and_zone(scene: Scene, account: PlatformAccount):
    assert (account.currency, account.time_zone) == ("MXN", "America/Mexico_City")


def test_two_accounts_of_one_name_are_refused(scene: Scene, account: PlatformAccount):
    again = {"actor": scene.actor, "platform": "didi"}
    with pytest.raises(PlatformAccountExists):
        services.create_platform_account(scene.cast.a, name="Uber MX", **again)
    other = services.create_platform_account(scene.cast.a, name="DiDi MX", **again)
    with pytest.raises(PlatformAccountExists):
        services.update_platform_account(other, actor=scene.actor, name="Uber MX")
    with pytest.raises(UnknownTimezone):
        services.update_platform_account(other, actor=scene.actor, time_zone="CST")
    changed = services.update_platform_account(other, actor=scene.actor, week_starts_hour=4)
    assert changed.week_starts_hour == 4


def test_entry_goes_to_the_running_shift_of_its_driver(scene: Scene, account: PlatformAccount):
    shift = scene.active()
    assert post(scene, account, row(scene)) == ["created"]
    entry = PlatformEntry.objects.get()
    assert (entry.shift_id, entry.stint.shift_id) == (shift.pk, shift.pk)
    assert (entry.amount, entry.currency) == (Decimal("87.50"), "MXN")


def test_the_same_again_is_a_duplicate_and_changes_nothing(scene: Scene, account: PlatformAccount):
    assert post(scene, account, row(scene), row(scene)) == ["created", "duplicate"]
    version = PlatformEntry.objects.get().row_version
    assert post(scene, account, row(scene)) == ["duplicate"]
    assert PlatformEntry.objects.get().row_version == version


def test_one_id_with_other_values_is_refused_and_changes_nothing(
    scene: Scene, account: PlatformAccount
):
    other = row(scene, amount=Decimal("99.00"))
    assert post(scene, account, row(scene), other) == ["created", "entry_differs"]
    assert post(scene, account, other) == ["entry_differs"]
    assert PlatformEntry.objects.get().amount == Decimal("87.50")


def test_one_bad_row_never_loses_the_good_ones(scene: Scene, account: PlatformAccount):
    rows = [
        row(scene, "good-1"),
        row(scene, "usd", currency="USD"),
        row(scene, "fine", amount=Decimal("1.005")),
        row(scene, "fee", kind="fee", amount=Decimal("5.00")),
        row(scene, "fare", amount=Decimal("-5.00")),
        row(scene, "foreign", driver_id=scene.cast.foreign_driver.pk),
        row(scene, "good-2", kind="fee", amount=Decimal("-5.00")),
    ]
    assert post(scene, account, *rows) == [
        "created",
        "entry_currency",
        "too_many_decimals",
        "entry_sign",
        "entry_sign",
        "not_found",
        "created",
    ]
    assert PlatformEntry.objects.count() == 2


def test_entry_outside_any_shift_waits_and_is_attached_when_the_shift_comes(
    scene: Scene, account: PlatformAccount
):
    post(scene, account, row(scene), row(scene, "late", occurred_at=at(8.01)))
    assert PlatformEntry.objects.unattached().count() == 2
    shift = scene.ended()  # [0 h, 8 h)
    assert PlatformEntry.objects.get(external_id="t-1").shift_id == shift.pk
    assert PlatformEntry.objects.get(external_id="late").shift_id is None


def test_fare_that_closes_as_the_shift_ends_belongs_to_it_unless_the_next_begins_there(
    scene: Scene, account: PlatformAccount
):
    first = scene.ended()
    post(scene, account, row(scene, "a", occurred_at=at(8)))
    second = scene.active(at=at(8), override_reason="double shift")
    post(scene, account, row(scene, "b", occurred_at=at(8)))
    shifts = dict(PlatformEntry.objects.values_list("external_id", "shift_id"))
    assert shifts == {"a": first.pk, "b": second.pk}


def test_entry_for_a_worked_shift_asks_for_its_metrics_again(
    scene: Scene, account: PlatformAccount
):
    shift = scene.ended()
    MetricsRequest.objects.all().delete()
    post(scene, account, row(scene))
    assert MetricsRequest.objects.get().shift_id == shift.pk


def test_entry_after_a_change_of_car_goes_to_the_second_stint(
    scene: Scene, account: PlatformAccount
):
    shift = scene.active()
    services.change_vehicle(shift, scene.other_car, actor=scene.actor, reason="flat", at=at(2))
    post(scene, account, row(scene, occurred_at=at(1.9)), row(scene, "b", occurred_at=at(2)))
    cars = PlatformEntry.objects.order_by("pk").values_list("stint__assignment__vehicle_id")
    assert [car for (car,) in cars] == [scene.car.pk, scene.other_car.pk]


def test_business_date_is_the_shifts_else_the_local_one(scene: Scene, account: PlatformAccount):
    late = datetime(2026, 3, 3, 4, tzinfo=UTC)  # 22:00 on the 2nd
    scene.active(at=late)
    post(
        scene,
        account,
        row(scene, "in", occurred_at=datetime(2026, 3, 3, 7, tzinfo=UTC)),  # 1:00 on the 3rd
        row(scene, "out", occurred_at=datetime(2026, 3, 3, 3, tzinfo=UTC)),  # 21:00 on the 2nd
    )
    dates = dict(PlatformEntry.objects.values_list("external_id", "business_date"))
    assert dates == {"in": date(2026, 3, 2), "out": date(2026, 3, 2)}


def test_platforms_driver_id_is_resolved_at_the_instant(scene: Scene, account: PlatformAccount):
    cast = scene.cast
    first = services.give_platform_id(
        account, cast.driver, actor=scene.actor, external_id="U7", starts_at=at(-100)
    )
    services.take_platform_id(first, actor=scene.actor, ends_at=at(2))
    services.give_platform_id(
        account, cast.other_driver, actor=scene.actor, external_id="U7", starts_at=at(2)
    )
    values = {"driver_id": None, "platform_driver": "U7"}
    post(
        scene,
        account,
        row(scene, "a", occurred_at=at(1.99), **values),
        row(scene, "b", occurred_at=at(2), **values),
        row(scene, "c", occurred_at=at(-101), **values),
        row(scene, "d", driver_id=None, platform_driver="nobody's"),
    )
    drivers = dict(PlatformEntry.objects.values_list("external_id", "driver_id"))
    assert drivers == {"a": cast.driver.pk, "b": cast.other_driver.pk, "c": None, "d": None}


def test_platform_id_is_never_two_drivers(scene: Scene, account: PlatformAccount):
    give = {"actor": scene.actor, "external_id": "U7"}
    known = services.give_platform_id(account, scene.cast.driver, starts_at=T0, **give)
    with pytest.raises(PlatformDriverTaken) as raised:
        services.give_platform_id(account, scene.cast.other_driver, starts_at=at(5), **give)
    assert raised.value.extra == {"driver": scene.cast.driver.pk}
    with pytest.raises(InvalidPlatformPeriod):
        services.take_platform_id(known, actor=scene.actor, ends_at=T0)
    services.take_platform_id(known, actor=scene.actor, ends_at=at(5))
    with pytest.raises(PlatformDriverEnded):
        services.take_platform_id(known, actor=scene.actor, ends_at=at(6))
    services.give_platform_id(account, scene.cast.other_driver, starts_at=at(5), **give)


def test_an_end_of_a_platform_id_that_has_not_come_is_brought_forward(
    scene: Scene, account: PlatformAccount
):
    known = services.give_platform_id(
        account,
        scene.cast.driver,
        actor=scene.actor,
        external_id="U7",
        starts_at=T0,
        ends_at=at(8),
    )
    with pytest.raises(PlatformDriverEnded):
        services.take_platform_id(known, actor=scene.actor, ends_at=at(9), at=at(1))
    taken = services.take_platform_id(known, actor=scene.actor, ends_at=at(5), at=at(1))
    assert taken.ends_at == at(5)
    with pytest.raises(PlatformDriverEnded):
        services.take_platform_id(known, actor=scene.actor, ends_at=at(4), at=at(5))


def test_another_companys_account_or_driver_does_not_exist(scene: Scene, account: PlatformAccount):
    outsider = scene.cast.actor(scene.cast.b)
    with pytest.raises(NotFound):
        services.post_entries(account, [row(scene)], actor=outsider)
    with pytest.raises(NotFound):
        services.give_platform_id(
            account, scene.cast.foreign_driver, actor=scene.actor, external_id="x", starts_at=T0
        )


def test_news_of_entries_names_only_the_new_ones(scene: Scene, account: PlatformAccount):
    heard: list[list[int]] = []

    def hear(sender, entry_ids, **kwargs):
        heard.append(entry_ids)

    entries_posted.connect(hear)
    try:
        post(scene, account, row(scene))
        post(scene, account, row(scene))
    finally:
        entries_posted.disconnect(hear)
    assert heard == [[PlatformEntry.objects.get().pk]]


def test_a_thousand_rows_take_a_fixed_number_of_queries(
    scene: Scene, account: PlatformAccount, django_assert_num_queries
):
    scene.active()
    rows = [row(scene, f"t-{n}", occurred_at=at(n / 1000)) for n in range(1000)]
    with django_assert_num_queries(9):
        assert set(post(scene, account, *rows)) == {"created"}
    assert not PlatformEntry.objects.unattached().exists()
