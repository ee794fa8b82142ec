"""What a shift was worth: measured from samples, runs and income, and always the same."""

from decimal import Decimal

import pytest

from shifts import services
from shifts.models import MetricsRequest, Shift, ShiftMetrics
from shifts.services import EntryRow
from shifts.services import metrics as metrics_service
from shifts.services.metrics import RETRY_AFTER
from shifts.signals import metrics_changed
from shifts.tests.scene import Scene, at
from voltop import clock
from voltop.jobs import Job

pytestmark = pytest.mark.django_db


def metrics_of(shift: Shift) -> ShiftMetrics:
    services.work_off_requests()
    return ShiftMetrics.objects.get(shift=shift)


def worked(scene: Scene, from_h: float = 0, to_h: float = 8) -> Shift:
    shift = scene.active(at=at(from_h))
    return services.end_shift(shift, actor=scene.actor, at=at(to_h))


def columns(metrics: ShiftMetrics) -> dict:
    unwatched = {"id", "created_at", "updated_at", "row_version", "computed_at"}
    return {
        field.name: getattr(metrics, field.name)
        for field in metrics._meta.fields
        if field.name not in unwatched
    }


def test_shift_of_a_tracked_car(scene: Scene):
    scene.drive(scene.car, -1, 9)  # 36 km/h throughout
    metrics = metrics_of(worked(scene))
    assert metrics.km == pytest.approx(Decimal(288), abs=Decimal("0.01"))
    assert (metrics.gap_km, metrics.paid_km, metrics.trips) == (0, 0, 0)
    assert metrics.empty_km == metrics.km
    assert (metrics.worked_s, metrics.driving_s) == (8 * 3600, 8 * 3600)
    assert (metrics.samples, metrics.coverage_pct) == (96, 100)
    assert (metrics.method, metrics.income_amount) == ("gps", None)


def test_fares_count_by_the_shift_they_begin_in_and_kilometres_by_the_time(scene: Scene):
    scene.drive(scene.car, -1, 1, occupied=True)  # begun before the shift
    scene.drive(scene.car, 1 + 1 / 12, 2, occupied=False)
    scene.drive(scene.car, 2 + 1 / 12, 3, occupied=True)
    scene.drive(scene.car, 3 + 1 / 12, 8, occupied=False)
    metrics = metrics_of(worked(scene))
    assert metrics.trips == 1
    paid = Decimal(36) * (1 + Decimal(11) / 12)
    assert metrics.paid_km == pytest.approx(paid, abs=Decimal("0.01"))
    assert metrics.paid_km + metrics.empty_km == metrics.km + metrics.gap_km
    assert metrics.occupied_s == pytest.approx((1 + 11 / 12) * 3600, abs=1)


def test_way_across_a_silence_is_apart(scene: Scene):
    scene.drive(scene.car, 0, 3)
    scene.drive(scene.car, 5, 8)
    metrics = metrics_of(worked(scene))
    assert metrics.km == pytest.approx(Decimal(216), abs=Decimal("0.01"))
    assert metrics.gap_km == pytest.approx(Decimal(72), abs=Decimal("0.01"))
    assert metrics.coverage_pct == 75


def test_each_car_is_measured_for_its_own_stint(scene: Scene):
    scene.drive(scene.car, 0, 8)
    scene.drive(scene.other_car, 0, 8)
    shift = scene.active()
    services.change_vehicle(shift, scene.other_car, actor=scene.actor, reason="flat", at=at(2))
    metrics = metrics_of(services.end_shift(shift, actor=scene.actor, at=at(8)))
    assert metrics.km == pytest.approx(Decimal(288), abs=Decimal("0.01"))
    assert metrics.samples == 96


def test_breaks_are_not_worked_and_count_only_within_the_shift(scene: Scene):
    shift = scene.active()
    services.take_break(shift, actor=scene.actor, at=at(3))
    services.resume(shift, actor=scene.actor, at=at(3.5))
    services.take_break(shift, actor=scene.actor, at=at(11.9))
    services.resume(shift, actor=scene.actor, at=at(12.1))
    services.auto_close(shift, actor=scene.actor, at=at(12.5))  # ends at 12 h
    metrics = metrics_of(shift)
    assert metrics.break_s == 1800 + 360
    assert metrics.worked_s == 12 * 3600 - metrics.break_s


def test_untracked_car_gives_hours_without_kilometres_and_no_mark(scene: Scene):
    shift = worked(scene)
    metrics = metrics_of(shift)
    assert (metrics.method, metrics.km, metrics.worked_s) == ("none", 0, 8 * 3600)
    shift.refresh_from_db()
    assert not shift.marked_for_review


def test_little_coverage_sends_the_shift_to_review(scene: Scene):
    scene.drive(scene.car, 0, 3)
    shift = worked(scene)
    assert metrics_of(shift).coverage_pct < 50
    shift.refresh_from_db()
    assert shift.review_reasons == ["little_coverage"]


def test_income_leaves_out_cash_that_only_says_where_money_is(scene: Scene):
    account = services.create_platform_account(
        scene.cast.a, actor=scene.actor, platform="uber", name="Uber"
    )
    kinds = {"fare": "100", "fee": "-25", "tip": "10.50", "cash_collected": "110.50"}
    rows = [
        EntryRow(
            external_id=kind,
            kind=kind,
            occurred_at=at(1),
            posted_at=at(2),
            amount=Decimal(amount),
            currency="MXN",
            driver_id=scene.cast.driver.pk,
        )
        for kind, amount in kinds.items()
    ]
    services.post_entries(account, rows, actor=scene.actor)
    metrics = metrics_of(worked(scene))
    assert (metrics.income_amount, metrics.currency) == (Decimal("85.50"), "MXN")


# --- Again ---------------------------------------------------------------------------------------
def test_computing_again_writes_nothing(scene: Scene):
    scene.drive(scene.car, 0, 8)
    shift = worked(scene)
    first = metrics_of(shift)
    assert services.compute_metrics([shift.pk], at=at(100)) == 0
    assert ShiftMetrics.objects.get().row_version == first.row_version


def test_late_samples_are_measured_again_whatever_their_order(scene: Scene):
    shift = worked(scene)
    heard = []

    def hear(sender, metrics, **kwargs):
        heard.append(metrics.km)

    metrics_changed.connect(hear)
    try:
        assert metrics_of(shift).method == "none"
        scene.drive(scene.car, 4, 8)
        assert MetricsRequest.objects.count() == 1
        metrics_of(shift)
        scene.drive(scene.car, 0, 4 - 1 / 12)
        late = columns(metrics_of(shift))
    finally:
        metrics_changed.disconnect(hear)
    assert len(heard) == 3
    assert late["km"] == pytest.approx(Decimal(288), abs=Decimal("0.01"))
    again = scene.active(driver=scene.cast.other_driver, vehicle=scene.other_car, at=at(0))
    scene.drive(scene.other_car, 0, 8)
    again = services.end_shift(again, actor=scene.actor, at=at(8))
    in_order = columns(metrics_of(again))
    for other in (late, in_order):
        other.pop("shift")
    assert late == in_order


def test_samples_outside_the_shift_ask_for_nothing(scene: Scene):
    worked(scene)
    while services.compute_due():
        pass
    scene.drive(scene.car, 20, 21)
    scene.drive(scene.other_car, 0, 1)
    assert not MetricsRequest.objects.exists()


def test_many_requests_of_one_shift_are_one_computation(scene: Scene, monkeypatch):
    shift = worked(scene)
    services.request_metrics([shift, shift, shift])
    asked = []
    real = metrics_service.compute_metrics
    monkeypatch.setattr(
        metrics_service, "compute_metrics", lambda ids, at: asked.append(ids) or real(ids, at=at)
    )
    assert services.compute_due() == 4
    assert asked == [[shift.pk]]


def test_shift_that_cannot_be_computed_holds_up_no_other(scene: Scene, monkeypatch):
    bad = worked(scene)
    good = scene.active(driver=scene.cast.other_driver, vehicle=scene.other_car)
    good = services.end_shift(good, actor=scene.actor, at=at(8))
    real = metrics_service._figures

    def figures(shift, evidence):
        if shift.pk == bad.pk:
            raise ValueError("a bug")
        return real(shift, evidence)

    monkeypatch.setattr(metrics_service, "_figures", figures)
    now = clock.now()
    services.compute_due(at=now)
    told = Job.objects.get(kind="shifts.compute_due_metrics")
    assert (told.state, told.provider_id) == ("failed", bad.provider_id)
    assert ShiftMetrics.objects.get().shift == good
    request = MetricsRequest.objects.get()
    assert (request.shift, request.next_at) == (bad, now + RETRY_AFTER)
    monkeypatch.undo()
    assert services.compute_due(at=now) == 0
    assert services.compute_due(at=now + RETRY_AFTER) == 1
    assert ShiftMetrics.objects.count() == 2


def test_a_running_shift_has_no_metrics_yet(scene: Scene):
    assert services.compute_metrics([scene.active().pk]) == 0


def test_a_chunk_takes_the_same_queries_however_large(scene: Scene, django_assert_max_num_queries):
    shifts = [worked(scene, 24 * day, 24 * day + 8) for day in range(8)]
    with django_assert_max_num_queries(8 + len(shifts)):  # each row is written by itself
        assert services.compute_metrics([shift.pk for shift in shifts]) == 8
    with django_assert_max_num_queries(8):
        assert services.compute_metrics([shift.pk for shift in shifts]) == 0


def test_metrics_are_read_by_driver_and_date(scene: Scene, api):
    shift = worked(scene)
    metrics_of(shift)
    client = api(scene.cast.viewer)
    answer = client.get(f"/api/v1/shift-metrics?driver={scene.cast.driver.pk}").json()
    [row] = answer["results"]
    assert (row["shift"], row["worked_s"], row["business_date"]) == (
        shift.pk,
        8 * 3600,
        "2026-03-02",
    )
    assert row["income"] is None
    assert client.get("/api/v1/shift-metrics?date_from=2026-03-03").json()["results"] == []
