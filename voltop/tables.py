"""The kernel's own tables. Each belongs to the module of its name; write it only through that.

They know no provider but by a plain `provider_id`, because the kernel imports no app; null means
work of the platform itself.
"""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from voltop.ids import uuid7
from voltop.models import Model
from voltop.querysets import ProviderQuerySet
from voltop.states import StateEvent


class SubjectKey(Model):
    """The data key of one person or thing, wrapped by a master key (`voltop.crypto`).

    `wrapped_key` is empty once the key is destroyed: the row stays, so that nothing is ever
    encrypted for an erased subject again.
    """

    provider_id = models.BigIntegerField(null=True, blank=True)
    subject = models.CharField(max_length=120)
    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    wrapped_key = models.BinaryField()
    key_id = models.CharField(max_length=40)
    destroyed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "provider_id"], nulls_distinct=False, name="subject_key_unique"
            ),
            models.CheckConstraint(
                condition=Q(destroyed_at=None) ^ Q(wrapped_key=b""),
                name="subject_key_destroyed_is_empty",
            ),
        ]

    def __str__(self) -> str:
        return self.subject


class Counter(Model):
    """The last number given out in one series of a provider (`voltop.numbering`)."""

    provider_id = models.BigIntegerField()
    name = models.CharField(max_length=60)
    last = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider_id", "name"], name="counter_unique")
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.last}"


class JobRun(Model):
    """One run of a scheduled job that must not happen twice (`voltop.jobs`)."""

    job = models.CharField(max_length=80)
    provider_id = models.BigIntegerField(null=True, blank=True)
    slot = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["job", "provider_id", "slot"], nulls_distinct=False, name="job_run_unique"
            )
        ]
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.job} {self.slot}"


class Job(Model):
    """Work that somebody asked for and may watch: state, progress, result (`voltop.jobs`)."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    provider_id = models.BigIntegerField(null=True, blank=True)
    kind = models.CharField(max_length=80)
    actor = models.CharField(max_length=80)
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    params = models.JSONField(default=dict, blank=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True, blank=True)
    result = models.JSONField(default=dict, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.CharField(max_length=500, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["done", "failed"], finished_at__isnull=False)
                | Q(state__in=["queued", "running"], finished_at=None),
                name="job_finished_at_matches_state",
            ),
            models.CheckConstraint(
                condition=Q(state="failed") ^ Q(error_code=""), name="job_error_only_if_failed"
            ),
            models.CheckConstraint(
                condition=Q(done__gte=0) & (Q(total=None) | Q(done__lte=models.F("total"))),
                name="job_done_within_total",
            ),
        ]
        indexes = [models.Index(fields=["provider_id", "kind", "-id"], name="job_by_kind")]
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class JobEvent(StateEvent):
    """One move of a job."""

    # Unlike every other timeline's, null: a job may be the platform's own.
    provider_id = models.BigIntegerField(  # type: ignore[assignment]
        null=True, blank=True, db_index=True
    )
    job = models.ForeignKey(Job, models.PROTECT, related_name="events")


class OutboxMessage(Model):
    """Something to be done outside the database because of a committed change (`voltop.outbox`).

    `id` gives the order, `uuid` is what the outside sees: the same in every attempt. `lane` names
    the receiver who gets one message at a time (empty: none). `holds` is whether later messages of
    the object wait for this one.
    """

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    topic = models.CharField(max_length=80)
    provider_id = models.BigIntegerField(null=True, blank=True)
    object_key = models.CharField(max_length=120)
    payload = models.JSONField()
    lane = models.CharField(max_length=80, blank=True)
    holds = models.BooleanField(default=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    crashes = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(sent_at=None) | Q(dead_at=None), name="outbox_sent_or_dead"
            ),
            models.CheckConstraint(
                condition=Q(lease_until=None) | Q(sent_at=None, dead_at=None),
                name="outbox_lease_only_while_pending",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at", "id"],
                condition=Q(sent_at=None, dead_at=None, lane=""),
                name="outbox_due",
            ),
            models.Index(
                fields=["lane", "next_at", "id"],
                condition=Q(sent_at=None, dead_at=None) & ~Q(lane=""),
                name="outbox_due_in_lane",
            ),
            models.Index(
                fields=["object_key", "id"],
                condition=Q(sent_at=None, dead_at=None),
                name="outbox_pending_of_object",
            ),
        ]
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.topic} {self.object_key}"


class OutboxLane(Model):
    """The way to one receiver, served by one relay at a time (`voltop.lanes`).

    `next_at` is when it may be served again, `failures` counts the failed calls since the last one
    that went well.
    """

    name = models.CharField(max_length=80, unique=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(db_default=Now())
    failures = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["next_at", "id"], name="outbox_lane_due")]
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name


class Event(Model):
    """Something that happened to an object of a provider (`voltop.events`).

    `seq` counts the provider's events from 1 without a gap, in an order in which they may be read;
    null until the event is committed and the publisher has come by. `uuid` is what the outside
    knows it by.
    """

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    provider_id = models.BigIntegerField()
    seq = models.BigIntegerField(null=True, blank=True)
    kind = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40)
    object_id = models.BigIntegerField()
    object_version = models.BigIntegerField()
    changed = models.JSONField(default=list)
    from_state = models.CharField(max_length=24, blank=True)
    to_state = models.CharField(max_length=24, blank=True)
    related = models.JSONField(default=dict)
    actor = models.CharField(max_length=80)
    at = models.DateTimeField()

    objects = ProviderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider_id", "seq"], name="voltop_event_seq"),
            models.CheckConstraint(
                condition=Q(seq=None) | Q(seq__gte=1), name="voltop_event_seq_from_1"
            ),
        ]
        indexes = [
            models.Index(
                fields=["provider_id", "id"], condition=Q(seq=None), name="voltop_event_pending"
            ),
            models.Index(
                fields=["provider_id", "object_type", "object_id", "seq"],
                name="voltop_event_of_object",
            ),
            models.Index(fields=["created_at"], name="voltop_event_age"),
        ]
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class IdempotencyKey(Model):
    """One request that was sent with an Idempotency-Key, and its answer (`voltop.api.idempotency`).

    Written in the transaction of the request itself: a row without its effect, or an effect
    without its row, cannot exist. `status` is 0 only inside that transaction. `body` is sealed.
    Kept 30 days.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    route = models.CharField(max_length=300)
    request_sha256 = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider_id", "actor", "key"],
                nulls_distinct=False,
                name="voltop_idempotencykey_once",
            ),
            models.CheckConstraint(
                condition=Q(status=0) | Q(status=400) | Q(status__gte=200, status__lt=300),
                name="voltop_idempotencykey_status",
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="voltop_idempotencykey_age")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"


class TaskState(Model):
    """What is known of one Celery task (with these arguments): last start, end, result
    (`voltop.runs`).

    A start without an end is running, or lost with its worker. `resume_at` is set while the task
    is kept from running because it took its worker down too often.
    """

    class Outcome(models.TextChoices):
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    key = models.CharField(max_length=200, unique=True)
    task = models.CharField(max_length=80)
    args = models.JSONField(default=list, blank=True)
    worker = models.CharField(max_length=120, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=6, choices=Outcome, blank=True)
    error = models.CharField(max_length=80, blank=True)
    duration_ms = models.BigIntegerField(null=True, blank=True)
    runs = models.BigIntegerField(default=0)
    failures = models.BigIntegerField(default=0)
    losses = models.PositiveSmallIntegerField(default=0)
    resume_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("key",)
        indexes = [
            models.Index(
                fields=["started_at"],
                condition=Q(finished_at=None) | Q(finished_at__lt=models.F("started_at")),
                name="task_state_unfinished",
            )
        ]

    def __str__(self) -> str:
        return self.key


class WorkerBeat(Model):
    """When a Celery worker last said that it lives (`voltop.runs`)."""

    name = models.CharField(max_length=120, unique=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class StoredFile(Model):
    """A private file about a person (`voltop.files`): sealed under their key, wherever it is.

    `sealed` until it has been brought to the store, where `place` is its name from then on.
    `name` is what whoever has it sees, `size_bytes` of the file itself, `subject` the key's name.
    """

    class ContentType(models.TextChoices):
        JPEG = "image/jpeg", "JPEG"
        PDF = "application/pdf", "PDF"

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    provider_id = models.BigIntegerField()
    subject = models.CharField(max_length=120)
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=40, choices=ContentType)
    size_bytes = models.PositiveIntegerField()
    kept_at = models.DateTimeField()
    sealed = models.BinaryField(default=b"")
    place = models.CharField(max_length=200, blank=True)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(place="") ^ Q(sealed=b""), name="stored_file_is_in_one_place"
            ),
        ]
        indexes = [
            models.Index(fields=["provider_id", "subject", "kept_at"], name="stored_file_of"),
            models.Index(fields=["id"], condition=Q(place=""), name="stored_file_to_move"),
        ]
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name
