"""Pay groups, plans, terms and adjustments: what is accepted, and what is refused by name."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from fleets.models import AuditEntry
from payments import services
from payments.errors import (
    AdjustmentSign,
    BatchOverlap,
    CurrencyMismatch,
    FourEyes,
    InvalidComponent,
    InvalidPeriod,
    InvalidTermsPeriod,
    NameTaken,
    OwnRequest,
    PayGroupInUse,
    PayGroupRetired,
    PayPlanRetired,
    PeriodNotOver,
    RentIncomplete,
    TermsAccepted,
    TermsEnded,
    TermsOverlap,
)
from payments.models import AdjustmentSeries, PayComponent, PaymentBatch, PayPlanVersion, Terms
from payments.tests.scene import COMPONENTS, MONDAY, NEXT_MONDAY, NOW, WEEK, Scene
from voltop.context import Actor
from voltop.errors import NotFound, ReasonRequired
from voltop.http import UrlNotAllowed
from voltop.money import AmountOutOfRange, TooManyDecimals

D = Decimal
DAY = timedelta(days=1)


# --- Groups and plans ----------------------------------------------------------------------------
def test_first_group_is_the_default(scene: Scene):
    assert scene.group.is_default
    assert not scene.new_group("Second").is_default


def test_names_are_taken_once_per_provider(scene: Scene, cast):
    scene.new_group("Weekly")
    with pytest.raises(NameTaken):
        scene.new_group("Weekly")
    scene.new_group("Weekly", cast.b)
    scene.new_plan("Plan", COMPONENTS)
    with pytest.raises(NameTaken):
        scene.new_plan("Plan", COMPONENTS)
    scene.new_plan("Plan", COMPONENTS, cast.b)


def test_group_in_use_is_not_retired(scene: Scene, cast):
    scene.terms(cast.driver)
    with pytest.raises(PayGroupInUse) as caught:
        services.retire_pay_group(scene.group, actor=scene.owner, at=NOW)
    assert caught.value.extra == {"drivers": 1}


def test_retired_group_takes_no_terms_and_no_batch(scene: Scene, cast):
    group = services.retire_pay_group(scene.group, actor=scene.owner)
    assert services.retire_pay_group(group, actor=scene.owner).retired_at == group.retired_at
    with pytest.raises(PayGroupRetired):
        scene.terms(cast.driver)
    with pytest.raises(PayGroupRetired):
        scene.draft()


def test_revised_plan_leaves_the_old_version_as_it_was(scene: Scene):
    first = scene.plan
    second = services.revise_pay_plan(
        first.plan, actor=scene.owner, effective_from=MONDAY, components=COMPONENTS[:1]
    )
    assert (first.number, second.number) == (1, 2)
    assert first.components.count() == 4
    assert second.components.count() == 1


def test_plan_version_is_never_changed(scene: Scene):
    _ = scene.plan
    for rows, changes in (
        (PayComponent.objects, {"key": "x"}),
        (PayPlanVersion.objects, {"number": 9}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**changes)


def test_retired_plan_takes_no_terms_and_no_version(scene: Scene, cast):
    plan = services.retire_pay_plan(scene.plan.plan, actor=scene.owner)
    assert services.retire_pay_plan(plan, actor=scene.owner).retired_at == plan.retired_at
    version = PayPlanVersion.objects.select_related("plan").get()
    with pytest.raises(PayPlanRetired):
        scene.terms(cast.driver, plan_version=version)
    with pytest.raises(PayPlanRetired):
        services.revise_pay_plan(
            plan, actor=scene.owner, effective_from=MONDAY, components=COMPONENTS
        )


def test_mistake_in_a_component_is_named(scene: Scene):
    wrong = [COMPONENTS[0], {**COMPONENTS[2], "params": {"rate": "x", "basis": "km"}}]
    with pytest.raises(InvalidComponent) as caught:
        scene.new_plan("Wrong", wrong)
    assert caught.value.field == "components.1"
    assert caught.value.extra["parameter"] == "rate"
    assert not PayPlanVersion.objects.exists()


# --- Terms ---------------------------------------------------------------------------------------
def test_terms_may_lie_in_the_past_but_not_before_their_plan(scene: Scene, cast):
    assert scene.terms(cast.driver, valid_from=date(2008, 1, 1)).accepted_how == "self"
    with pytest.raises(InvalidTermsPeriod):
        scene.terms(cast.other_driver, valid_from=date(2007, 12, 31))
    with pytest.raises(InvalidTermsPeriod):
        scene.terms(cast.other_driver, valid_from=MONDAY, valid_to=MONDAY)


@pytest.mark.parametrize(
    ("start", "end", "free"),
    [
        (MONDAY, NEXT_MONDAY, False),
        (MONDAY - WEEK, MONDAY + DAY, False),
        (NEXT_MONDAY - DAY, None, False),
        (MONDAY - WEEK, None, False),
        (MONDAY - WEEK, MONDAY, True),
        (NEXT_MONDAY, None, True),
    ],
)
def test_terms_of_a_driver_never_share_a_day(scene: Scene, cast, start, end, free):
    scene.terms(cast.driver, valid_from=MONDAY, valid_to=NEXT_MONDAY)
    if free:
        assert scene.terms(cast.driver, valid_from=start, valid_to=end)
    else:
        with pytest.raises(TermsOverlap):
            scene.terms(cast.driver, valid_from=start, valid_to=end)


def test_database_itself_refuses_overlapping_terms(scene: Scene, cast):
    terms = scene.terms(cast.driver, valid_from=MONDAY)
    twin = {
        field.attname: getattr(terms, field.attname)
        for field in Terms._meta.concrete_fields
        if field.attname not in ("id", "created_at", "updated_at", "row_version")
    }
    with pytest.raises(IntegrityError, match="payments_terms_no_overlap"), transaction.atomic():
        Terms.objects.create(**twin)


@pytest.mark.parametrize(
    "rent", [{"rent_amount": D("5")}, {"rent_per": "day"}, {"rent_amount": D(5), "rent_per": "h"}]
)
def test_rent_has_an_amount_and_a_period(scene: Scene, cast, rent):
    with pytest.raises(RentIncomplete):
        scene.terms(cast.driver, **rent)


@pytest.mark.parametrize(("rent", "error"), [("-1", AmountOutOfRange), ("0.001", TooManyDecimals)])
def test_rent_is_money(scene: Scene, cast, rent, error):
    with pytest.raises(error):
        scene.terms(cast.driver, rent_amount=D(rent), rent_per="day")


def test_terms_are_accepted_once_by_the_driver_alone(scene: Scene, cast):
    terms = scene.terms(cast.driver, accepted=False)
    for stranger in (scene.owner, scene.actor_of(cast.other_driver)):
        with pytest.raises(NotFound):
            services.accept_terms(terms, actor=stranger)
    accepted = services.accept_terms(terms, actor=scene.actor_of(cast.driver), at=NOW)
    assert (accepted.accepted_at, accepted.accepted_how) == (NOW, "self")
    assert accepted.accepted_by == f"user:{cast.driver.user_id}"
    with pytest.raises(TermsAccepted):
        services.record_acceptance(terms, actor=scene.owner, evidence="contract 12")


def test_acceptance_on_paper_names_the_paper(scene: Scene, cast):
    terms = scene.terms(cast.driver, accepted=False)
    with pytest.raises(ReasonRequired):
        services.record_acceptance(terms, actor=scene.owner, evidence="  ")
    accepted = services.record_acceptance(terms, actor=scene.owner, evidence="contract 12", at=NOW)
    assert (accepted.accepted_how, accepted.acceptance_evidence) == ("paper", "contract 12")
    assert AuditEntry.objects.filter(action="terms.accepted").count() == 1


def test_running_terms_are_ended_once(scene: Scene, cast):
    terms = scene.terms(cast.driver, valid_from=MONDAY)
    with pytest.raises(InvalidTermsPeriod):
        services.end_terms(terms, actor=scene.owner, valid_to=MONDAY)
    ended = services.end_terms(terms, actor=scene.owner, valid_to=NEXT_MONDAY)
    assert ended.valid_to == NEXT_MONDAY
    with pytest.raises(TermsEnded):
        services.end_terms(terms, actor=scene.owner, valid_to=NEXT_MONDAY)


def test_an_agreed_end_of_terms_is_brought_forward_before_it_has_come(scene: Scene, cast):
    terms = scene.terms(cast.driver, valid_from=MONDAY, valid_to=NEXT_MONDAY)
    noon = datetime.combine(MONDAY, time(18), UTC)
    end = partial(services.end_terms, terms, actor=scene.owner)
    with pytest.raises(TermsEnded):
        end(valid_to=NEXT_MONDAY + DAY, at=noon)
    assert end(valid_to=MONDAY + 4 * DAY, at=noon).valid_to == MONDAY + 4 * DAY
    with pytest.raises(TermsEnded):
        end(valid_to=MONDAY + 2 * DAY, at=noon + 4 * DAY)


def test_another_providers_objects_do_not_exist(scene: Scene, cast):
    with pytest.raises(NotFound):
        scene.terms(cast.foreign_driver)
    foreign = scene.new_group("Woche", cast.b)
    with pytest.raises(NotFound):
        scene.terms(cast.driver, pay_group=foreign)
    with pytest.raises(NotFound):
        services.open_batch(
            foreign, actor=scene.owner, period_starts_on=MONDAY, period_ends_on=NEXT_MONDAY
        )


# --- Adjustments ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "amount", "stored"),
    [
        ("bonus", "5", "5"),
        ("reimbursement", "5", "5"),
        ("penalty", "5", "-5"),
        ("damage", "5", "-5"),
        ("advance", "5", "-5"),
        ("no_show_fee", "5", "-5"),
        ("correction", "5", "5"),
        ("correction", "-5", "-5"),
    ],
)
def test_adjustment_is_signed_by_its_kind(scene: Scene, cast, kind, amount, stored):
    assert scene.adjustment(cast.driver, kind, amount).amount == D(stored)


@pytest.mark.parametrize(("kind", "amount"), [("bonus", "-5"), ("damage", "-5"), ("bonus", "0")])
def test_amount_is_positive_but_for_corrections(scene: Scene, cast, kind, amount):
    with pytest.raises(AdjustmentSign):
        scene.adjustment(cast.driver, kind, amount)


def test_adjustment_needs_a_reason_and_whole_cents(scene: Scene, cast):
    with pytest.raises(ReasonRequired):
        scene.adjustment(cast.driver, "bonus", "5", reason=" ")
    with pytest.raises(TooManyDecimals):
        scene.adjustment(cast.driver, "bonus", "0.001")


def test_own_request_is_decided_by_somebody_else(scene: Scene, cast):
    asked = services.request_adjustment(
        cast.driver, actor=scene.owner, kind="bonus", amount=D(5), due_on=MONDAY, reason="x"
    )
    with pytest.raises(OwnRequest):
        services.approve_adjustment(asked, actor=scene.owner)
    with pytest.raises(ReasonRequired):
        services.reject_adjustment(asked, actor=scene.owner, reason="")
    rejected = services.reject_adjustment(asked, actor=scene.owner, reason="a mistake")
    assert rejected.status == "rejected"


def test_series_too_small_to_split_is_refused(scene: Scene, cast):
    with pytest.raises(AdjustmentSign):
        services.request_series(
            cast.driver, actor=scene.owner, kind="damage", total=D("0.02"), occurrences=3,
            first_due_on=MONDAY, every_days=7, reason="mirror",
        )  # fmt: skip
    assert not AdjustmentSeries.objects.exists()


# --- Opening batches -----------------------------------------------------------------------------
def test_regular_batch_covers_exactly_a_period(scene: Scene):
    for start, end in ((MONDAY + DAY, NEXT_MONDAY), (MONDAY, NEXT_MONDAY + DAY), (MONDAY, MONDAY)):
        with pytest.raises(InvalidPeriod) as caught:
            services.open_batch(
                scene.group, actor=scene.owner, period_starts_on=start, period_ends_on=end
            )
        assert caught.value.extra["period"] == ["2026-03-02", "2026-03-09"]


def test_live_batches_of_a_group_never_share_a_day(scene: Scene):
    first = scene.draft()
    with pytest.raises(BatchOverlap) as caught:
        scene.draft()
    assert caught.value.extra == {"batch": first.pk}
    assert scene.draft(run_type="off_cycle")
    assert scene.draft(NEXT_MONDAY)
    assert scene.draft(group=scene.new_group("Other"))
    services.cancel_batch(first, actor=scene.owner, reason="again")
    assert scene.draft()


def test_database_itself_refuses_overlapping_batches(scene: Scene):
    scene.draft()
    later = scene.draft(NEXT_MONDAY)
    with pytest.raises(IntegrityError, match="regular_no_overlap"), transaction.atomic():
        PaymentBatch.objects.filter(pk=later.pk).update(period_starts_on=MONDAY + DAY)


def test_days_of_a_driver_are_paid_once_whatever_the_group(scene: Scene, cast):
    """Paid 2 to 8 March weekly; then the driver moves to a monthly group: March is refused."""
    terms = scene.terms(cast.driver)
    scene.shift(cast.driver)
    scene.approved()
    monthly = scene.new_group("Monthly", cadence="monthly")
    services.end_terms(terms, actor=scene.owner, valid_to=NEXT_MONDAY)
    scene.terms(cast.driver, pay_group=monthly, valid_from=NEXT_MONDAY)
    scene.shift(cast.driver, NEXT_MONDAY)
    batch = services.open_batch(
        monthly,
        actor=scene.accountant,
        period_starts_on=date(2026, 3, 1),
        period_ends_on=date(2026, 4, 1),
    )
    services.calculate_batch(batch, actor=scene.accountant, at=NOW + 5 * WEEK)
    scene.run(batch)
    problem = batch.payments.get().exceptions
    assert [p["code"] for p in problem] == ["period_overlap"]


def test_batches_are_numbered_without_gaps(scene: Scene):
    assert [scene.draft(MONDAY + n * WEEK).number for n in range(3)] == [1, 2, 3]


def test_period_must_be_over_with_its_cutoff_by_local_date(scene: Scene):
    from datetime import UTC, datetime

    group = scene.new_group("Cut-off", cutoff_days=1)
    batch = scene.draft(group=group)
    # midnight in Mexico City on 10 March is 06:00 UTC
    with pytest.raises(PeriodNotOver) as caught:
        services.calculate_batch(
            batch, actor=scene.owner, at=datetime(2026, 3, 10, 5, 59, tzinfo=UTC)
        )
    assert caught.value.extra == {"from_on": "2026-03-10"}
    at = datetime(2026, 3, 10, 6, tzinfo=UTC)
    assert services.calculate_batch(batch, actor=scene.owner, at=at).status == "calculating"


# --- Accounts to pay from ------------------------------------------------------------------------
def test_paying_account_is_activated_by_somebody_else(scene: Scene, settings):
    settings.OUTBOUND_ALLOWED = ["bank.example:443"]
    values = {"name": "Bank", "endpoint": "https://bank.example", "secret": "s"}
    account = services.propose_funding_account(scene.cast.a, actor=scene.owner, **values)
    with pytest.raises(FourEyes):
        services.activate_funding_account(account, actor=scene.owner)
    with pytest.raises(NameTaken):
        services.propose_funding_account(scene.cast.a, actor=scene.owner, **values)
    with pytest.raises(CurrencyMismatch):
        services.tell_available(
            account, actor=scene.owner, amount=D(5), currency="USD", known_at=NOW
        )
    manager = Actor("user", scene.cast.manager.pk, scene.cast.a.pk)
    assert services.activate_funding_account(account, actor=manager).status == "active"


def test_paying_account_must_not_lead_into_our_own_net(scene: Scene):
    with pytest.raises(UrlNotAllowed):
        services.propose_funding_account(
            scene.cast.a, actor=scene.owner, name="x", endpoint="http://127.0.0.1:80", secret="s"
        )
