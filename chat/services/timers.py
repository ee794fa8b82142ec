"""What the clock does to conversations: an answer that is late, a driver who says nothing more.

Each conversation is its own transaction, under its row's lock: two workers do a thing once, and a
killed one leaves it to the next. Whoever is told is told while the desk is open.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet

from chat.models import Conversation, ConversationStatus, Priority, SlaPolicy
from chat.services import sla
from chat.services.moving import move
from chat.services.staff import answers_here, desk_of, leads_of
from fleets.models import User
from fleets.services.notices import notify
from voltop import clock, jobs
from voltop.context import Actor

AT_ONCE = 500
JOB = "chat.run_timers"

Step = Callable[[Conversation, SlaPolicy], None]


def run_timers(*, at: datetime | None = None) -> int:
    """Warn of answers that are due soon, call for those that are late, end what fell silent.

    Returns how many conversations were touched.
    """
    at = at or clock.now()
    late = Q(status=ConversationStatus.OPEN, due_at__lte=at, escalated_at__isnull=True)
    soon = Q(
        status=ConversationStatus.OPEN,
        warn_at__lte=at,
        due_at__gt=at,
        warned_at__isnull=True,
        escalated_at__isnull=True,
    )
    with jobs.apart(JOB, at=at) as pieces:
        done = _each(late, partial(_escalate, at=at), at, pieces)
        done += _each(soon, partial(_warn, at=at), at, pieces)
        for policy in _policies(Q(resolve_after_days__isnull=False)):
            done += _end_silence(policy, at, pieces)
    return done


# --- Answers that are due ------------------------------------------------------------------------
def _each(which: Q, step: Step, at: datetime, pieces: jobs.Apart) -> int:
    """Take the step for each conversation of a desk that is open now; how many."""
    rows = Conversation.objects.unscoped().filter(which)
    done = 0
    for policy in _policies(Q(provider_id__in=rows.values("provider_id"))):
        with pieces.of(policy.provider_id):
            calendars = {name: sla.calendar_for(policy, name) for name in Priority.values}
            counting = [name for name, calendar in calendars.items() if calendar.is_open(at)]
            own = rows.filter(provider_id=policy.provider_id, priority__in=counting)
            done += _each_of(own.order_by("due_at", "pk"), which, step, policy, pieces)
    return done


def _each_of(
    rows: QuerySet[Conversation], which: Q, step: Step, policy: SlaPolicy, pieces: jobs.Apart
) -> int:
    done = 0
    for key in list(rows.values_list("pk", flat=True)[:AT_ONCE]):
        with pieces.of(policy.provider_id):
            done += _take(key, which, step, policy)
    return done


@transaction.atomic
def _take(key: int, which: Q, step: Step, policy: SlaPolicy) -> int:
    """The step for one conversation, if it is still one of those and nobody has it in hand."""
    rows = Conversation.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    found = rows.select_related("driver__user", "assignee").filter(which, pk=key).first()
    if found is None:
        return 0
    step(found, policy)
    return 1


def _warn(conversation: Conversation, policy: SlaPolicy, *, at: datetime) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(warned_at=at)
    assignee = conversation.assignee
    if assignee is not None and answers_here(assignee, conversation.provider_id):
        _tell([assignee], "chat.answer_due", conversation, at)
    else:
        _tell(desk_of(conversation.provider_id), "chat.answer_due", conversation, at)


def _escalate(conversation: Conversation, policy: SlaPolicy, *, at: datetime) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(escalated_at=at)
    _tell(leads_of(conversation.provider_id), "chat.answer_late", conversation, at)


def _tell(people: list[User], kind: str, conversation: Conversation, at: datetime) -> None:
    due_at = conversation.due_at or at
    params = {"number": conversation.number, "due_at": due_at.isoformat()}
    for person in people:
        notify(person, kind, params, about=conversation, once=due_at.isoformat(), at=at)


# --- Silence -------------------------------------------------------------------------------------
def _end_silence(policy: SlaPolicy, at: datetime, pieces: jobs.Apart) -> int:
    """Tell drivers who have not answered for long, and resolve what they were told of in time."""
    notice = timedelta(days=policy.resolve_notice_days)
    silence = timedelta(days=policy.resolve_after_days or 0)
    silent = Q(provider_id=policy.provider_id, status=ConversationStatus.PENDING)
    to_tell = silent & Q(last_message_at__lte=at - silence + notice, closing_warned_at=None)
    to_end = silent & Q(last_message_at__lte=at - silence, closing_warned_at__lte=at - notice)
    done = 0
    steps: list[tuple[Q, Step]] = [
        (to_end, partial(_end, at=at)),
        (to_tell, partial(_tell_driver, at=at, notice=notice)),
    ]
    for which, step in steps:
        rows = Conversation.objects.unscoped().filter(which)
        done += _each_of(rows.order_by("pk"), which, step, policy, pieces)
    return done


def _tell_driver(
    conversation: Conversation, policy: SlaPolicy, *, at: datetime, notice: timedelta
) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(closing_warned_at=at)
    silence = timedelta(days=policy.resolve_after_days or 0)
    closes_at = max(at + notice, conversation.last_message_at + silence)
    params = {"number": conversation.number, "closes_at": closes_at.isoformat()}
    person, turn = conversation.driver.user, str(conversation.last_seq)
    notify(person, "chat.closing_soon", params, about=conversation, once=turn, at=at)


def _end(conversation: Conversation, policy: SlaPolicy, *, at: datetime) -> None:
    actor = Actor.system(JOB, conversation.provider_id)
    move(conversation, ConversationStatus.RESOLVED, actor=actor, at=at, reason="no answer")


def _policies(which: Q) -> list[SlaPolicy]:
    rows = SlaPolicy.objects.unscoped().filter(which)
    return list(rows.select_related("provider__policy").order_by("pk"))
