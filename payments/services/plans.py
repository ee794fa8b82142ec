"""Pay groups and pay plans: when and how drivers are paid."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, Q

from fleets import audit
from fleets.models import FleetProvider
from fleets.services import require_active
from payments.errors import (
    InvalidComponent,
    NameTaken,
    PayGroupInUse,
    PayGroupRetired,
    PayPlanRetired,
)
from payments.models import Cadence, PayComponent, PayGroup, PayPlan, PayPlanVersion, Terms
from payments.rules.parse import BadComponent, parse_plan
from voltop import clock
from voltop.context import Actor
from voltop.money import exponent


@transaction.atomic
def create_pay_group(
    provider: FleetProvider,
    *,
    actor: Actor,
    name: str,
    cadence: str,
    anchor_on: date,
    week_starts_on: int = 0,
    week_starts_hour: int = 0,
    cutoff_days: int = 0,
    pay_after_days: int = 2,
    at: datetime | None = None,
) -> PayGroup:
    """A new group; a provider's first one is its default. Raises NameTaken (409)."""
    at = at or clock.now()
    actor.require_same_provider(provider)
    FleetProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
    require_active(provider)
    groups = PayGroup.objects.for_provider(provider.pk)
    if groups.filter(name=name).exists():
        raise NameTaken(field="name")
    group = PayGroup.objects.create(
        provider=provider,
        name=name,
        cadence=Cadence(cadence),
        anchor_on=anchor_on,
        week_starts_on=week_starts_on,
        week_starts_hour=week_starts_hour,
        cutoff_days=cutoff_days,
        pay_after_days=pay_after_days,
        is_default=not groups.filter(is_default=True).exists(),
    )
    audit.record("pay_group.created", group, actor=actor, at=at)
    group.refresh_from_db()
    return group


@transaction.atomic
def retire_pay_group(
    group: PayGroup, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> PayGroup:
    """Take a group out of use; twice changes nothing. Raises PayGroupInUse (409)."""
    at = at or clock.now()
    actor.require_same_provider(group)
    group = PayGroup.objects.select_for_update(no_key=True).get(pk=group.pk)
    if group.retired_at is not None:
        return group
    running = Terms.objects.filter(pay_group=group).filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=at.date())
    )
    if drivers := running.values("driver").distinct().count():
        raise PayGroupInUse(drivers=drivers)
    PayGroup.objects.filter(pk=group.pk).update(retired_at=at, is_default=False)
    audit.record("pay_group.retired", group, actor=actor, at=at, reason=reason)
    group.refresh_from_db()
    return group


@transaction.atomic
def create_pay_plan(
    provider: FleetProvider,
    *,
    actor: Actor,
    name: str,
    effective_from: date,
    components: Sequence[Mapping[str, Any]],
    at: datetime | None = None,
) -> PayPlanVersion:
    """A new plan with its first version. Raises NameTaken (409), InvalidComponent (400)."""
    at = at or clock.now()
    actor.require_same_provider(provider)
    FleetProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
    require_active(provider)
    if PayPlan.objects.for_provider(provider.pk).filter(name=name).exists():
        raise NameTaken(field="name")
    plan = PayPlan.objects.create(provider=provider, name=name)
    return _new_version(plan, provider.currency, actor, effective_from, components, at)


@transaction.atomic
def revise_pay_plan(
    plan: PayPlan,
    *,
    actor: Actor,
    effective_from: date,
    components: Sequence[Mapping[str, Any]],
    at: datetime | None = None,
) -> PayPlanVersion:
    """Another version of a plan; drivers come under it by new terms, never by themselves.

    Raises PayPlanRetired (409), InvalidComponent (400).
    """
    at = at or clock.now()
    actor.require_same_provider(plan)
    plan = PayPlan.objects.select_for_update(no_key=True).get(pk=plan.pk)
    if plan.retired_at is not None:
        raise PayPlanRetired()
    currency = FleetProvider.objects.values_list("currency", flat=True).get(pk=plan.provider_id)
    return _new_version(plan, currency, actor, effective_from, components, at)


@transaction.atomic
def retire_pay_plan(
    plan: PayPlan, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> PayPlan:
    """No new terms under this plan; those that stand go on. Twice changes nothing."""
    at = at or clock.now()
    actor.require_same_provider(plan)
    if PayPlan.objects.filter(pk=plan.pk, retired_at__isnull=True).update(retired_at=at):
        audit.record("pay_plan.retired", plan, actor=actor, at=at, reason=reason)
    plan.refresh_from_db()
    return plan


def require_usable(group: PayGroup, version: PayPlanVersion) -> None:
    """Guard of new terms; the group's row stays locked. Raises PayGroupRetired, PayPlanRetired."""
    group = PayGroup.objects.select_for_update(no_key=True).get(pk=group.pk)
    if group.retired_at is not None:
        raise PayGroupRetired()
    if PayPlan.objects.filter(versions=version, retired_at__isnull=False).exists():
        raise PayPlanRetired()


def _new_version(
    plan: PayPlan,
    currency: str,
    actor: Actor,
    effective_from: date,
    components: Sequence[Mapping[str, Any]],
    at: datetime,
) -> PayPlanVersion:
    try:
        parse_plan(components, exponent(currency))
    except BadComponent as error:
        where = f"components.{error.index}" if error.index >= 0 else "components"
        raise InvalidComponent(
            field=where, parameter=error.field, reason=error.reason, index=error.index
        ) from error
    last = plan.versions.aggregate(last=Max("number"))["last"] or 0
    version = PayPlanVersion.objects.create(
        provider_id=plan.provider_id,
        plan=plan,
        number=last + 1,
        effective_from=effective_from,
        currency=currency,
    )
    PayComponent.objects.bulk_create(
        PayComponent(
            provider_id=plan.provider_id,
            version=version,
            position=position,
            key=component["key"],
            rule=component["rule"],
            window=component["window"],
            params=component["params"],
        )
        for position, component in enumerate(components, 1)
    )
    changes = {"version": (last or None, version.number)}
    audit.record("pay_plan.version", plan, actor=actor, at=at, changes=changes)
    version.refresh_from_db()
    return version
