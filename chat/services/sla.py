"""When answers are due: a company's support rules, and what they mean for a conversation.

Not here: the moves of a conversation (`moving`), and what happens when a time has come (`timers`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from chat.errors import PolicyWrong, SlaPolicyExists
from chat.models import Conversation, ConversationStatus, Priority, SlaPolicy
from fleets import audit
from fleets.models import FleetProvider
from fleets.services import check_opening_hours, require_active
from voltop import clock
from voltop.context import Actor

FIXED = {"id", "provider", "created_at", "updated_at", "row_version"}


# --- What a company has set ----------------------------------------------------------------------
@transaction.atomic
def create_policy(
    provider: FleetProvider, *, actor: Actor, at: datetime | None = None, **values: Any
) -> SlaPolicy:
    """Set a company's support hours and times for the first time. Audited.

    Raises SlaPolicyExists, ProviderNotActive (409), InvalidOpeningHours, PolicyWrong (400).
    """
    at = at or clock.now()
    actor.require_same_provider(provider)
    require_active(provider)
    if SlaPolicy.objects.for_provider(provider.pk).exists():
        raise SlaPolicyExists()
    policy = _checked(SlaPolicy(provider=provider), values)
    policy.save()
    audit.record("sla_policy.created", policy, actor=actor, at=at)
    _count_anew(policy)
    policy.refresh_from_db()
    return policy


@transaction.atomic
def change_policy(
    policy: SlaPolicy, *, actor: Actor, at: datetime | None = None, **values: Any
) -> SlaPolicy:
    """Change support hours or times; what waits is due by the new ones. Audited.

    Raises InvalidOpeningHours, PolicyWrong (400).
    """
    at = at or clock.now()
    actor.require_same_provider(policy)
    policy = SlaPolicy.objects.select_for_update(no_key=True).get(pk=policy.pk)
    changes = audit.diff(policy, values)
    if changes:
        _checked(policy, values).save(update_fields=list(changes))
        audit.record("sla_policy.changed", policy, actor=actor, at=at, changes=changes)
        _count_anew(policy)
        policy.refresh_from_db()
    return policy


def _checked(policy: SlaPolicy, values: Mapping[str, Any]) -> SlaPolicy:
    """The policy with the values. Raises InvalidOpeningHours, PolicyWrong (400)."""
    if "opening_hours" in values:
        check_opening_hours(values["opening_hours"])
        if values["opening_hours"] and not any(values["opening_hours"].values()):
            raise PolicyWrong(field="opening_hours")
    for name, value in values.items():
        field: Any = SlaPolicy._meta.get_field(name)
        if name in FIXED:
            raise TypeError(f"not changeable: {name}")
        try:
            setattr(policy, name, field.clean(value, policy))
        except ValidationError as error:
            raise PolicyWrong(field=name) from error
    after = policy.resolve_after_days
    if after is not None and after <= policy.resolve_notice_days:
        raise PolicyWrong(field="resolve_notice_days")
    return policy


def policy_of(provider_id: int) -> SlaPolicy | None:
    """A company's support rules; None where it has set none: nothing is due then."""
    rows = SlaPolicy.objects.for_provider(provider_id)
    return rows.select_related("provider__policy").first()


# --- What it means -------------------------------------------------------------------------------
def calendar_of(policy: SlaPolicy) -> clock.Calendar:
    """When the desk is open."""
    region = policy.provider.policy.holiday_region if policy.holidays_off else ""
    return clock.Calendar(clock.shown_zone(policy.provider.time_zone), policy.opening_hours, region)


def calendar_for(policy: SlaPolicy, priority: str) -> clock.Calendar:
    """When time runs for a conversation of that priority."""
    if priority == Priority.URGENT and policy.urgent_always:
        return clock.Calendar(clock.shown_zone(policy.provider.time_zone), {})
    return calendar_of(policy)


def times_of_wait(conversation: Conversation, since: datetime) -> dict[str, Any]:
    """The columns of a conversation whose driver waits since then: when the answer is due.

    The first answer keeps the time that the driver's first message gave it, however often the
    driver writes meanwhile; a shorter time for further answers begins after it.
    """
    policy = policy_of(conversation.provider_id)
    due_at = warn_at = None
    is_first = conversation.first_responded_at is None
    if policy is not None:
        kind = "first" if is_first else "next"
        minutes = getattr(policy, f"{conversation.priority}_{kind}_min")
        if minutes is not None:
            calendar = calendar_for(policy, conversation.priority)
            due_at = calendar.after(since, timedelta(minutes=minutes))
            early = timedelta(minutes=max(minutes - policy.warn_min, 0))
            warn_at = None if due_at is None else calendar.after(since, early)
    columns = {
        "waiting_since": since,
        "due_at": due_at,
        "warn_at": warn_at,
        "warned_at": None,
        "escalated_at": None,
    }
    return columns | ({"first_response_due_at": due_at} if is_first else {})


NOT_WAITING: Mapping[str, Any] = dict.fromkeys(
    ("waiting_since", "due_at", "warn_at", "warned_at", "escalated_at")
)


def count_anew(conversation: Conversation) -> None:
    """Compute again when the answer is due, as its priority or the rules have changed.

    Who was warned or called is not so again, unless the answer is due at another time.
    """
    if conversation.status != ConversationStatus.OPEN or conversation.waiting_since is None:
        return
    columns = times_of_wait(conversation, conversation.waiting_since)
    if columns["due_at"] == conversation.due_at:
        del columns["warned_at"], columns["escalated_at"]
    Conversation.objects.filter(pk=conversation.pk).update(**columns)


def _count_anew(policy: SlaPolicy) -> None:
    waiting = Conversation.objects.for_provider(policy.provider_id)
    waiting = waiting.filter(status=ConversationStatus.OPEN).select_for_update(no_key=True)
    for conversation in waiting.order_by("pk"):
        count_anew(conversation)
