"""Notices: written in the transaction of what they tell of, then carried over each channel alone.

In the app a notice stands at once. For every other channel that the person chose there is a
delivery, which rides on the outbox in lanes of its channel: one that fails for days delays no
other. An address that its owner has never proven gets nothing but codes.

A delivery is marked when its channel took it and not sent again. A worker that dies in between
sends it once more under the same `uuid`: as the e-mail's Message-ID and as the gateway's
Idempotency-Key.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, models, transaction
from django.db.models import F
from django.utils import translation

from fleets import audit
from fleets.errors import QuietHoursOdd
from fleets.messages import Message, MessageRefused, deliver
from fleets.models import (
    NOTICE_MACHINE,
    Membership,
    Notice,
    NoticeChannel,
    NoticeChoice,
    NoticeDelivery,
    NoticeStatus,
    Role,
    User,
)
from fleets.sandboxes import is_fictional
from fleets.selectors import standing_of
from voltop import clock, failpoints, outbox
from voltop.context import Actor
from voltop.errors import NotFound
from voltop.notices import NoticeKind, all_kinds, words
from voltop.outbox import Delivery, Draft, Retry, Undeliverable

TOPIC = "notices.send"
LANES = 2
WORDS = ("language", "time_zone")
KEEP = timedelta(days=365)
AT_ONCE = 1000

# 69 h in all: a channel may be away over a weekend.
RETRY = Retry(
    pauses_s=(30, 120, 600, 1800, 2 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 24 * 3600),
    jitter=(0.8, 1.2),
    holds_s=0,
)


# --- Writing -------------------------------------------------------------------------------------
def notify(
    user: User,
    kind: str,
    params: Mapping[str, Any] | None = None,
    *,
    about: models.Model | None = None,
    provider_id: int | None = None,
    once: str = "",
    at: datetime | None = None,
) -> Notice | None:
    """Tell a person of a fact, in the caller's transaction; None where it was told before.

    The fact is the kind, what it is `about` and, where that may happen again, `once`. The company
    is that of `about`, or `provider_id`; without either it is about the person's own account.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a notice is written in the transaction of its change")
    at, known = at or clock.now(), all_kinds()[kind]
    if not user.is_active:
        return None
    about_type = about._meta.label_lower if about is not None else ""
    notice, is_new = Notice.objects.get_or_create(
        user=user,
        key=f"{kind}:{about_type}:{about.pk if about is not None else ''}:{once}",
        defaults={
            "provider_id": provider_id or getattr(about, "provider_id", None),
            "kind": kind,
            "params": dict(params or {}),
            "about_type": about_type,
            "about_id": about.pk if about is not None else None,
            "at": at,
        },
    )
    if not is_new:
        return None
    choice = choice_of(user)
    channels = sorted(channel for channel in _wanted(user, choice, known))
    deliveries = NoticeDelivery.objects.bulk_create(
        NoticeDelivery(notice=notice, channel=channel) for channel in channels
    )
    later = None if known.urgent else _end_of_quiet(notice, choice, at)
    _hand_over(deliveries, notice, later)
    return notice


def notify_owners(
    provider_id: int,
    kind: str,
    params: Mapping[str, Any] | None = None,
    *,
    about: models.Model,
    once: str = "",
    at: datetime | None = None,
) -> None:
    """Tell everybody who owns the company and has joined it; as `notify`."""
    joined = Membership.objects.for_provider(provider_id).filter(
        ended_at__isnull=True, joined_at__isnull=False
    )
    for owner in joined.filter(role=Role.OWNER).select_related("user").order_by("user_id"):
        notify(owner.user, kind, params, about=about, once=once, at=at)


def _hand_over(
    deliveries: Iterable[NoticeDelivery], notice: Notice, not_before: datetime | None
) -> None:
    """Put deliveries into the outbox, each in a lane of its channel.

    What goes first has a lane for each person: nothing else stands before it there.
    """
    known = all_kinds().get(notice.kind)
    lane = f"first:{notice.user_id}" if known and known.first else f"{notice.user_id % LANES}"
    outbox.emit_all(
        Draft(
            topic=TOPIC,
            provider_id=notice.provider_id,
            object_key=f"fleets.noticedelivery:{delivery.pk}",
            payload={"delivery": delivery.pk},
            lane=f"notices:{delivery.channel}:{lane}",
            not_before=not_before,
        )
        for delivery in deliveries
    )


# --- Sending -------------------------------------------------------------------------------------
def attempt(message: Delivery) -> None:
    """Hand one notice to one channel; the outbox tries again after whatever the channel raises.

    What the person no longer wants, or cannot get, is skipped, as is what a company has to say to
    whom it has only invited; in quiet hours it waits.
    """
    delivery = (
        NoticeDelivery.objects.select_related("notice__user", "notice__provider")
        .filter(pk=message.payload["delivery"])
        .first()
    )
    if delivery is None or delivery.status != NoticeStatus.PENDING:
        return
    notice, at = delivery.notice, clock.now()
    kind, choice = all_kinds().get(notice.kind), choice_of(notice.user)
    address = _addresses(notice.user, choice).get(delivery.channel)
    if (
        kind is None
        or address is None
        or not notice.user.is_active
        or standing_of(notice.user).only_invited_to(notice.provider_id)
        or is_fictional(notice.user)
        or delivery.channel not in _wanted(notice.user, choice, kind)
    ):
        _end(delivery, NoticeStatus.SKIPPED, at)
        return
    later = None if kind.urgent else _end_of_quiet(notice, choice, at)
    if later is not None:
        with transaction.atomic():
            _hand_over([delivery], notice, later)
        return
    _send(delivery, kind, address)
    failpoints.hit("notices.called")
    _end(delivery, NoticeStatus.SENT, clock.now(), sent_at=clock.now())
    failpoints.hit("notices.recorded")


def _send(delivery: NoticeDelivery, kind: NoticeKind, address: str) -> None:
    notice = delivery.notice
    with translation.override(notice.user.language):
        subject, text = words(kind, notice.params, zone_of(notice))
    message = Message(delivery.channel, address, subject, text, key=str(delivery.uuid))
    tries = NoticeDelivery.objects.filter(pk=delivery.pk)
    try:
        deliver(message, notice.user)
    except MessageRefused as refused:
        tries.update(attempts=F("attempts") + 1, last_error=str(refused)[:200])
        raise Undeliverable(str(refused)) from refused
    except Exception as error:
        tries.update(attempts=F("attempts") + 1, last_error=type(error).__name__)
        raise
    tries.update(attempts=F("attempts") + 1, last_error="")


def give_up(message: Delivery, reason: str) -> None:
    """The outbox has given a message up; in the app the notice stands all the same."""
    delivery = NoticeDelivery.objects.filter(pk=message.payload["delivery"]).first()
    if delivery is not None and delivery.status == NoticeStatus.PENDING:
        _end(delivery, NoticeStatus.DEAD, clock.now(), last_error=reason[:200])


@transaction.atomic
def _end(delivery: NoticeDelivery, status: str, at: datetime, **columns: Any) -> None:
    locked = NoticeDelivery.objects.select_for_update(no_key=True).get(pk=delivery.pk)
    if locked.status == NoticeStatus.PENDING:
        NOTICE_MACHINE.move(locked, status, actor=Actor.system(TOPIC), at=at, **columns)


# --- What a person has chosen --------------------------------------------------------------------
def choice_of(user: User) -> NoticeChoice:
    """The person's choice; without one: by e-mail, at any time."""
    chosen = NoticeChoice.objects.filter(user=user).first()
    return chosen or NoticeChoice(user=user, channels=[NoticeChannel.EMAIL.value])


@transaction.atomic
def choose(
    user: User, *, actor: Actor, values: Mapping[str, Any], at: datetime | None = None
) -> NoticeChoice:
    """Change how one wants to be told, in which language and by which clock. Audited.

    Raises QuietHoursOdd, UnknownTimezone (400).
    """
    at = at or clock.now()
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    choice, values = choice_of(user), dict(values)
    _set_words(user, {name: values.pop(name) for name in WORDS if name in values}, actor, at)
    if "channels" in values:
        values["channels"] = sorted(set(values["channels"]))
    changes = audit.diff(choice, values, personal=("push_token",))
    for name, value in values.items():
        setattr(choice, name, value)
    if (choice.quiet_from is None) != (choice.quiet_until is None) or (
        choice.quiet_from is not None and choice.quiet_from == choice.quiet_until
    ):
        raise QuietHoursOdd(field="quiet_until")
    if changes or choice.pk is None:
        choice.save()
        audit.record("notice_choice.changed", choice, actor=actor, at=at, changes=changes)
    choice.refresh_from_db()
    return choice


def _set_words(user: User, values: Mapping[str, Any], actor: Actor, at: datetime) -> None:
    """Another language or time zone of the person, for whatever is sent to them."""
    if "time_zone" in values:
        clock.zone(values["time_zone"])
    changes = audit.diff(user, values)
    if changes:
        User.objects.filter(pk=user.pk).update(**values)
        audit.record("user.changed", user, actor=actor, at=at, changes=changes)


def mark_read(user: User, notice_id: int, *, at: datetime | None = None) -> Notice:
    """Note that one's own notice was read; the first time counts. Raises NotFound."""
    own = Notice.objects.filter(user=user, pk=notice_id)
    own.filter(read_at__isnull=True).update(read_at=at or clock.now())
    notice = own.first()
    if notice is None:
        raise NotFound()
    return notice


def forget_old(*, at: datetime | None = None) -> int:
    """Delete notices of more than a year ago, with their deliveries; how many notices."""
    old = Notice.objects.filter(at__lt=(at or clock.now()) - KEEP).order_by("pk")
    done = 0
    while keys := list(old.values_list("pk", flat=True)[:AT_ONCE]):
        Notice.objects.filter(pk__in=keys).delete()
        done += len(keys)
    return done


def zone_of(notice: Notice) -> ZoneInfo:
    """The person's zone; where none was ever set, that of the company."""
    own, company = notice.user.time_zone, notice.provider
    name = company.time_zone if own == "UTC" and company is not None else own
    return clock.shown_zone(name)


def end_of_quiet(start: time, end: time, zone: ZoneInfo, at: datetime) -> datetime | None:
    """When quiet hours that hold at the instant end; None where they do not hold."""
    today = at.astimezone(zone).date()
    for on in (today - timedelta(days=1), today):
        until = on if start < end else on + timedelta(days=1)
        over = clock.first_instant(until, end, zone)
        if clock.first_instant(on, start, zone) <= at < over:
            return over
    return None


def _end_of_quiet(notice: Notice, choice: NoticeChoice, at: datetime) -> datetime | None:
    if choice.quiet_from is None or choice.quiet_until is None:
        return None
    return end_of_quiet(choice.quiet_from, choice.quiet_until, zone_of(notice), at)


def _addresses(user: User, choice: NoticeChoice) -> dict[str, str]:
    """Where the person can be reached, by channel: only what was proven to be theirs."""
    found = {
        NoticeChannel.EMAIL.value: user.email if user.email_verified_at else None,
        NoticeChannel.SMS.value: user.phone if user.phone_verified_at else None,
        NoticeChannel.PUSH.value: choice.push_token,
    }
    return {channel: address for channel, address in found.items() if address}


def _wanted(user: User, choice: NoticeChoice, kind: NoticeKind) -> set[str]:
    """The channels that a notice of the kind goes over."""
    reachable = _addresses(user, choice)
    wanted = reachable.keys() & set(choice.channels)
    written = (NoticeChannel.EMAIL.value, NoticeChannel.SMS.value)
    if kind.safety and not wanted & set(written):
        wanted |= {next(iter(channel for channel in written if channel in reachable), "")} - {""}
    return set(wanted)
