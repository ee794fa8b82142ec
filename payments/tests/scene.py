"""What tests of payments play with: a pay group, a plan, terms, work, and a batch in each state."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from drivers import services as driver_services
from drivers.models import Driver
from fleets.models import FleetProvider
from payments import services
from payments.models import (
    Entry,
    FundingAccount,
    PayGroup,
    Payment,
    PaymentBatch,
    Payout,
    PayPlanVersion,
    Terms,
)
from payments.services import calculation, posting
from payments.tests.bank import TOKEN
from shifts.models import EntryKind, PlatformAccount, PlatformEntry, Shift, ShiftMetrics
from voltop.context import Actor
from voltop.tests.cast import Cast

MONDAY = date(2026, 3, 2)
NEXT_MONDAY = date(2026, 3, 9)
NOW = datetime(2026, 3, 10, 15, tzinfo=UTC)
WEEK = timedelta(days=7)

COMPONENTS: list[dict[str, Any]] = [
    {
        "key": "share",
        "rule": "income_share",
        "window": "week",
        "params": {"kinds": ["fare"], "tiers": [{"from": "0", "pct": "50"}]},
    },
    {
        "key": "tips",
        "rule": "income_share",
        "window": "week",
        "params": {"kinds": ["tip"], "tiers": [{"from": "0", "pct": "100"}]},
    },
    {
        "key": "distance",
        "rule": "per_km",
        "window": "week",
        "params": {"rate": "0.25", "basis": "km"},
    },
    {
        "key": "guarantee",
        "rule": "guarantee",
        "window": "week",
        "params": {"rate": "60", "counts": ["share", "distance"]},
    },
]


class Scene:
    """A provider (A unless said) pays weekly: half the fares, all tips, 0.25 per km, at least 60
    an hour."""

    def __init__(self, cast: Cast, provider: FleetProvider | None = None) -> None:
        self.cast = cast
        self.provider = provider or cast.a
        self.entries = 0

    # --- Who -------------------------------------------------------------------------------------
    @property
    def accountant(self) -> Actor:
        """Prepares batches."""
        return Actor("user", self.cast.person(self.provider, "accountant").pk, self.provider.pk)

    @property
    def owner(self) -> Actor:
        """Approves them."""
        return self.cast.actor(self.provider)

    def actor_of(self, driver: Driver) -> Actor:
        return Actor("user", driver.user_id, driver.provider_id)

    # --- When and how much -----------------------------------------------------------------------
    @cached_property
    def group(self) -> PayGroup:
        return self.new_group("Weekly")

    def new_group(
        self, name: str, provider: FleetProvider | None = None, **values: Any
    ) -> PayGroup:
        provider = provider or self.provider
        return services.create_pay_group(
            provider,
            actor=self.cast.actor(provider),
            **{"name": name, "cadence": "weekly", "anchor_on": MONDAY, "at": NOW, **values},
        )

    @cached_property
    def plan(self) -> PayPlanVersion:
        return self.new_plan("Standard", COMPONENTS)

    def new_plan(
        self, name: str, components: list[dict[str, Any]], provider: FleetProvider | None = None
    ) -> PayPlanVersion:
        provider = provider or self.provider
        return services.create_pay_plan(
            provider,
            actor=self.cast.actor(provider),
            name=name,
            effective_from=date(2008, 1, 1),
            components=components,
            at=NOW,
        )

    def terms(self, driver: Driver, *, accepted: bool = True, **values: Any) -> Terms:
        """Terms of the standard plan since 2026, with no rent unless said."""
        terms = services.offer_terms(
            driver,
            actor=self.owner,
            **{
                "pay_group": self.group,
                "plan_version": self.plan,
                "valid_from": date(2026, 1, 1),
                "text": "What we agree to.",
                "at": NOW - 60 * WEEK,
                **values,
            },
        )
        if accepted:
            services.accept_terms(terms, actor=self.actor_of(driver), at=NOW - 59 * WEEK)
            terms.refresh_from_db()
        return terms

    # --- What was done ---------------------------------------------------------------------------
    @cached_property
    def account(self) -> PlatformAccount:
        return PlatformAccount.objects.create(
            provider=self.provider,
            platform="uber",
            name="Uber",
            currency=self.provider.currency,
            time_zone="UTC",
        )

    def shift(
        self,
        driver: Driver,
        on: date = MONDAY,
        *,
        hours: str = "8",
        km: str = "100",
        fares: Mapping[str, str] | None = None,
        measured: bool = True,
        status: str = "confirmed",
        start_hour: int = 8,
    ) -> Shift:
        """A worked shift of that day with its metrics and platform entries by kind."""
        start = datetime(on.year, on.month, on.day, start_hour, tzinfo=UTC)
        worked_s = int(Decimal(hours) * 3600)
        shift = Shift.objects.create(
            provider_id=driver.provider_id,
            driver=driver,
            starts_at=start,
            ends_at=start + timedelta(seconds=worked_s),
            time_zone="UTC",
            business_date=on,
            status=status,
            close_reason="driver",
        )
        if measured:
            self.measure(shift, worked_s, Decimal(km))
        for kind, amount in (fares or {}).items():
            self.entry(driver, kind, amount, on=on, shift=shift)
        return shift

    def measure(self, shift: Shift, worked_s: int, km: Decimal, trips: int = 10) -> ShiftMetrics:
        return ShiftMetrics.objects.create(
            provider_id=shift.provider_id,
            shift=shift,
            worked_s=worked_s,
            break_s=0,
            driving_s=worked_s,
            idle_s=0,
            charging_s=0,
            occupied_s=0,
            km=km,
            gap_km=0,
            paid_km=km,
            empty_km=0,
            trips=trips,
            samples=0,
            coverage_pct=100,
            method="gps",
            computed_at=NOW,
        )

    def entry(
        self,
        driver: Driver,
        kind: str,
        amount: str,
        *,
        on: date = MONDAY,
        shift: Shift | None = None,
        currency: str = "",
    ) -> PlatformEntry:
        self.entries += 1
        at = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
        return PlatformEntry.objects.create(
            provider_id=driver.provider_id,
            account=self.account,
            external_id=f"trip-{self.entries}",
            kind=EntryKind(kind),
            driver=driver,
            shift=shift,
            occurred_at=at,
            posted_at=at,
            business_date=on,
            amount=Decimal(amount),
            currency=currency or self.provider.currency,
        )

    def adjustment(self, driver: Driver, kind: str, amount: str, **values: Any) -> Any:
        """An approved adjustment."""
        asked = services.request_adjustment(
            driver,
            actor=self.accountant,
            **{
                "kind": kind,
                "amount": Decimal(amount),
                "due_on": MONDAY,
                "reason": "because",
                "at": NOW,
                **values,
            },
        )
        return services.approve_adjustment(asked, actor=self.owner, at=NOW)

    # --- Where the money goes --------------------------------------------------------------------
    def funding_account(self, url: str, name: str = "House bank") -> FundingAccount:
        """An active account to pay from, at the sandbox bank."""
        proposed = services.propose_funding_account(
            self.provider, actor=self.accountant, name=name, endpoint=url, secret=TOKEN
        )
        return services.activate_funding_account(proposed, actor=self.owner)

    def give_account(self, driver: Driver) -> None:
        driver_services.set_payout_account(
            driver,
            actor=self.owner,
            kind="us",
            details={"routing": "021000021", "account": f"{driver.pk:08d}"},
            holder_name=driver.name,
        )

    def payable(self, driver: Driver, on: date = MONDAY) -> None:
        """Terms, an account and a shift that comes to 480 (the guarantee for 8 hours)."""
        self.terms(driver)
        self.give_account(driver)
        self.shift(driver, on)

    def terms_once(self) -> None:
        """Terms of the driver, unless there are some."""
        if not self.cast.driver.terms.exists():
            self.terms(self.cast.driver)

    def entries_of(self, payout: Payout) -> list[str]:
        """What is booked about a payout."""
        rows = Entry.objects.filter(source_key__startswith=f"payout:{payout.key}")
        return list(rows.values_list("kind", flat=True))

    # --- Batches in each state -------------------------------------------------------------------
    def draft(self, starts_on: date = MONDAY, **values: Any) -> PaymentBatch:
        return services.open_batch(
            values.pop("group", self.group),
            actor=self.accountant,
            **{
                "period_starts_on": starts_on,
                "period_ends_on": starts_on + WEEK,
                "at": NOW,
                **values,
            },
        )

    def calculating(self, starts_on: date = MONDAY, **values: Any) -> PaymentBatch:
        return services.calculate_batch(
            self.draft(starts_on, **values), actor=self.accountant, at=values.get("at", NOW)
        )

    def calculated(self, starts_on: date = MONDAY, **values: Any) -> PaymentBatch:
        """In review."""
        return self.run(self.calculating(starts_on, **values))

    def run(self, batch: PaymentBatch, chunk: int = 2000) -> PaymentBatch:
        """What the worker does."""
        assert calculation.run(batch.pk, chunk=chunk) is False
        batch.refresh_from_db()
        return batch

    def approved(self, starts_on: date = MONDAY, **values: Any) -> PaymentBatch:
        """Approved by the owner, and booked."""
        return self.approve(self.calculated(starts_on, **values))

    def approve(self, batch: PaymentBatch) -> PaymentBatch:
        services.approve_batch(batch, actor=self.owner)
        posting.run(batch.pk)
        batch.refresh_from_db()
        assert batch.posted_at is not None
        return batch

    def again(self, batch: PaymentBatch) -> PaymentBatch:
        """The same batch, calculated once more."""
        return self.run(services.calculate_batch(batch, actor=self.accountant, at=NOW))


def payment_of(batch: PaymentBatch, driver: Driver) -> Payment:
    return Payment.objects.get(batch=batch, driver=driver)


def lines_of(payment: Payment) -> dict[str, Decimal]:
    """Amount by key."""
    return {line.key: line.amount for line in payment.lines.all()}
