"""Drivers who need help at once: an alarm pages one person after the other until one acknowledges.

An alarm and its pages are rows, and each page is a notice written with it; so a page that exists
goes out, once, whatever dies. The next person is due two minutes after the one before was paged.
Not here: what makes an alarm (`messages`, `sos`).
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from chat.errors import AlreadyOnCall
from chat.models import (
    ALARM_MACHINE,
    PAGE_MACHINE,
    Alarm,
    AlarmCause,
    AlarmStatus,
    Conversation,
    OnCall,
    Page,
    PageStatus,
)
from chat.services.staff import answers_here, with_roles
from fleets import audit
from fleets.errors import NotAssignable
from fleets.models import FleetProvider, Role, User
from fleets.services import require_active
from fleets.services.notices import notify
from voltop import clock, failpoints, jobs
from voltop.context import Actor

JOB = "chat.page_due"
NEXT_AFTER = timedelta(minutes=2)
AT_ONCE = 200
ELSE = (Role.OWNER, Role.MANAGER, Role.DISPATCHER)
"""Who is called where nobody is on call: all of the first role that somebody holds, then on."""


# --- Who is on call ------------------------------------------------------------------------------
@transaction.atomic
def put_on_call(
    provider: FleetProvider,
    *,
    actor: Actor,
    user: User,
    position: int = 1,
    at: datetime | None = None,
) -> OnCall:
    """Have a person called when drivers need help. Audited.

    Raises NotAssignable (400) for who does not answer drivers here, AlreadyOnCall,
    ProviderNotActive (409).
    """
    at = at or clock.now()
    actor.require_same_provider(provider)
    require_active(provider)
    if not answers_here(user, provider.pk):
        raise NotAssignable(field="user")
    if _standing(provider.pk).filter(user=user).exists():
        raise AlreadyOnCall(field="user")
    entry = OnCall.objects.create(provider=provider, user=user, position=position)
    audit.record("on_call.added", entry, actor=actor, at=at)
    entry.refresh_from_db()
    return entry


@transaction.atomic
def move_on_call(
    entry: OnCall, *, actor: Actor, position: int, at: datetime | None = None
) -> OnCall:
    """Call the person sooner or later than others. Audited."""
    at = at or clock.now()
    actor.require_same_provider(entry)
    entry = OnCall.objects.select_for_update(no_key=True).get(pk=entry.pk)
    changes = audit.diff(entry, {"position": position})
    if changes:
        OnCall.objects.filter(pk=entry.pk).update(position=position)
        audit.record("on_call.moved", entry, actor=actor, at=at, changes=changes)
    entry.refresh_from_db()
    return entry


@transaction.atomic
def take_off_call(
    entry: OnCall, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> OnCall:
    """Call the person no more; twice changes nothing. Audited."""
    at = at or clock.now()
    actor.require_same_provider(entry)
    if OnCall.objects.filter(pk=entry.pk, ended_at__isnull=True).update(ended_at=at):
        audit.record("on_call.ended", entry, actor=actor, at=at, reason=reason)
    entry.refresh_from_db()
    return entry


def people_to_call(provider_id: int) -> list[User]:
    """Who is called, in order: those on call who still work here, else who leads."""
    entries = _standing(provider_id).filter(user__is_active=True).select_related("user")
    on_call = [entry.user for entry in entries if answers_here(entry.user, provider_id)]
    return on_call or [user for role in ELSE for user in with_roles(provider_id, [role])]


def _standing(provider_id: int) -> Any:
    return OnCall.objects.for_provider(provider_id).filter(ended_at__isnull=True)


# --- Alarms --------------------------------------------------------------------------------------
def raise_alarm(
    conversation: Conversation,
    *,
    actor: Actor,
    cause: AlarmCause,
    at: datetime,
    latitude: Decimal | None = None,
    longitude: Decimal | None = None,
) -> Alarm:
    """Page the first person at once; one that rings already goes on ringing.

    The conversation's row is locked in this transaction.
    """
    alarm = ringing(conversation)
    if alarm is not None:
        if latitude is not None:
            Alarm.objects.filter(pk=alarm.pk).update(latitude=latitude, longitude=longitude)
            alarm.refresh_from_db()
        return alarm
    alarm = Alarm.objects.create(
        provider_id=conversation.provider_id,
        conversation=conversation,
        cause=cause,
        latitude=latitude,
        longitude=longitude,
        raised_at=at,
        next_page_at=at + NEXT_AFTER,
    )
    ALARM_MACHINE.open(alarm, actor=actor, at=at)
    _page_next(alarm, at)
    return alarm


def ringing(conversation: Conversation) -> Alarm | None:
    """The conversation's alarm that nobody has acknowledged yet."""
    return Alarm.objects.filter(conversation=conversation, status=AlarmStatus.RINGING).first()


def page_due(*, at: datetime | None = None) -> int:
    """Page the next person of each alarm whose time has come; how many were paged.

    After an outage each alarm goes on with one person, not with all who were missed.
    """
    at = at or clock.now()
    due = Alarm.objects.unscoped().filter(status=AlarmStatus.RINGING, next_page_at__lte=at)
    companies = due.order_by("provider_id").values_list("provider_id", flat=True).distinct()
    paged = 0
    with jobs.apart(JOB, at=at) as pieces:
        for provider_id in list(companies):
            own = due.filter(provider_id=provider_id).order_by("next_page_at", "pk")
            for key in list(own.values_list("pk", flat=True)[:AT_ONCE]):
                with pieces.of(provider_id):
                    paged += _page_if_due(key, at)
    return paged


@transaction.atomic
def _page_if_due(key: int, at: datetime) -> int:
    rows = Alarm.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    due = rows.filter(pk=key, status=AlarmStatus.RINGING, next_page_at__lte=at)
    alarm = due.select_related("conversation").first()
    return 0 if alarm is None else _page_next(alarm, at)


def _page_next(alarm: Alarm, at: datetime) -> int:
    """Page the next person, after the last the first again. The row is locked, or new."""
    Alarm.objects.filter(pk=alarm.pk).update(next_page_at=at + NEXT_AFTER)
    people = people_to_call(alarm.provider_id)
    if not people:
        return 0
    _end_waiting(alarm, PageStatus.PASSED_ON, at)
    number = Page.objects.filter(alarm=alarm).count() + 1
    person = people[(number - 1) % len(people)]
    Page.objects.create(
        provider_id=alarm.provider_id, alarm=alarm, number=number, user=person, paged_at=at
    )
    params = {"number": alarm.conversation.number}
    notify(person, "chat.help_needed", params, about=alarm, once=str(number), at=at)
    failpoints.hit("chat.paged")
    return 1


@transaction.atomic
def acknowledge(
    alarm: Alarm, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> Alarm:
    """Ringing → acknowledged: somebody looks after the driver, and nobody else is called.

    By the same person again: the same. Raises IllegalMove (409) where another one was first.
    """
    at = at or clock.now()
    actor.require_same_provider(alarm)
    person = actor.id if actor.kind == "user" else None
    alarm = Alarm.objects.select_for_update(no_key=True).get(pk=alarm.pk)
    if alarm.status == AlarmStatus.ACKNOWLEDGED and alarm.acknowledged_by_id == person:
        return alarm
    ALARM_MACHINE.move(
        alarm,
        AlarmStatus.ACKNOWLEDGED,
        actor=actor,
        at=at,
        reason=reason,
        acknowledged_at=at,
        acknowledged_by_id=person,
        next_page_at=None,
    )
    open_pages = (PageStatus.WAITING, PageStatus.PASSED_ON)
    own = Page.objects.filter(alarm=alarm, user_id=person or 0, status__in=open_pages)
    last = own.order_by("number").last()
    if last is not None:
        PAGE_MACHINE.move(last, PageStatus.ACKNOWLEDGED, actor=actor, at=at, ended_at=at)
    _end_waiting(alarm, PageStatus.CALLED_OFF, at)
    alarm.refresh_from_db()
    return alarm


def _end_waiting(alarm: Alarm, status: PageStatus, at: datetime) -> None:
    actor = Actor.system(JOB, alarm.provider_id)
    for page in Page.objects.filter(alarm=alarm, status=PageStatus.WAITING):
        PAGE_MACHINE.move(page, status, actor=actor, at=at, ended_at=at)


def acknowledge_ringing(conversation: Conversation, *, actor: Actor, at: datetime) -> None:
    """Whoever answers the driver, or settles the matter, looks after it."""
    alarm = ringing(conversation)
    if alarm is not None:
        acknowledge(alarm, actor=actor, at=at)
