"""Admin of the kernel's tables: to be read, scoped like everything else.

What can be done: send a dead outbox message again, let a stopped task run again. Not here: keys,
wrapped or not, stored answers and payloads of requests, which no page shows.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from celery import current_app
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from voltop import clock, outbox, rings, runs
from voltop.lookups import OfferedLookupsMixin
from voltop.panels import RoleFirstMixin
from voltop.tables import (
    Counter,
    Event,
    IdempotencyKey,
    Job,
    JobEvent,
    JobRun,
    OutboxLane,
    OutboxMessage,
    StoredFile,
    SubjectKey,
    TaskState,
    WorkerBeat,
)

# Named, not imported: whoever sees all providers' rows sees the platform's own too.
SEE_ALL = "fleets.view_all_providers"


class KernelAdmin(RoleFirstMixin, OfferedLookupsMixin, ModelAdmin):
    """Read-only; the active provider's rows, or all for platform staff without one."""

    compressed_fields = True
    list_per_page = 50
    show_full_result_count = False
    hidden: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        provider_id = getattr(request.user, "provider_id", None)
        if provider_id is not None:
            return rows.filter(provider_id=provider_id)
        return rows if request.user.has_perm(SEE_ALL) else rows.none()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        hidden = {*self.hidden, "row_version"}
        return [field.name for field in self.opts.fields if field.name not in hidden]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class JobEventInline(TabularInline):
    """The timeline of a job."""

    model = JobEvent
    fields = ("at", "from_state", "to_state", "actor", "reason")
    readonly_fields = fields
    ordering = ("-id",)
    extra = 0
    can_delete = False
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Job)
class JobAdmin(KernelAdmin):
    list_display = ("id", "kind", "state_label", "progress", "actor", "created_at", "finished_at")
    list_filter = ("state", "kind")
    search_fields = ("kind", "uuid", "error_code")
    inlines = (JobEventInline,)

    @display(
        description=_("state"),
        ordering="state",
        label={"running": "info", "done": "success", "failed": "danger"},
    )
    def state_label(self, job: Job) -> tuple[str, str]:
        return job.state, job.get_state_display()

    @display(description=_("progress"))
    def progress(self, job: Job) -> str:
        return f"{job.done}" if job.total is None else f"{job.done} / {job.total}"


@admin.register(JobEvent)
class JobEventAdmin(KernelAdmin):
    list_display = ("id", "job", "from_state", "to_state", "actor", "at", "reason")
    list_filter = ("to_state",)
    list_select_related = ("job",)
    search_fields = ("job__kind",)


@admin.register(JobRun)
class JobRunAdmin(KernelAdmin):
    list_display = ("id", "job", "provider_id", "slot", "created_at")
    list_filter = ("job",)
    search_fields = ("job", "slot")


class PlatformAdmin(KernelAdmin):
    """Rows of no provider: for the platform's staff alone."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super(KernelAdmin, self).get_queryset(request)
        return rows if request.user.has_perm(SEE_ALL) else rows.none()


class Scheduled(admin.SimpleListFilter):
    """Tasks that stand in the schedule, and those that are rung by what people do."""

    title = _("schedule")
    parameter_name = "scheduled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("scheduled")), ("no", _("on demand")), ("stopped", _("stopped"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "stopped":
            return queryset.filter(resume_at__isnull=False)
        if self.value() not in ("yes", "no"):
            return queryset
        scheduled = [entry["task"] for entry in current_app.conf.beat_schedule.values()]
        rows = queryset.filter if self.value() == "yes" else queryset.exclude
        return rows(key__in=scheduled)


@admin.register(TaskState)
class TaskStateAdmin(PlatformAdmin):
    """Every scheduled job, and tasks that were rung for: last run, next run, result."""

    list_display = (
        "key", "state_label", "started_at", "finished_at", "duration_ms", "next_run", "runs",
        "failures", "error",
    )  # fmt: skip
    list_filter = (Scheduled, "outcome")
    search_fields = ("key", "error")
    actions = ("run_again",)

    @display(
        description=_("result"),
        label={"running": "info", "done": "success", "failed": "danger", "stopped": "warning"},
    )
    def state_label(self, state: TaskState) -> tuple[str, Any]:
        if state.resume_at is not None:
            return "stopped", _("stopped: took its worker down")
        if state.started_at and not (state.finished_at and state.finished_at >= state.started_at):
            return "running", _("running")
        return state.outcome or "new", state.get_outcome_display() or _("not run yet")

    @display(description=_("next run"))
    def next_run(self, state: TaskState) -> datetime | None:
        if state.resume_at is not None:
            return state.resume_at
        schedules = [
            entry["schedule"]
            for entry in current_app.conf.beat_schedule.values()
            if entry["task"] == state.key
        ]
        now = clock.now()
        return min((runs.next_due(one, state.started_at, now) for one in schedules), default=None)

    def has_resume_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("voltop.change_taskstate")

    @admin.action(description=_("Let it run again now"), permissions=["resume"])
    def run_again(self, request: HttpRequest, queryset: QuerySet[TaskState]) -> None:
        """Stopped tasks are let go and rung for; others are left alone."""
        resumed = [state for state in queryset if runs.resume(state.key)]
        for state in resumed:
            rings.ring_now(state.task, *state.args)
            self.log_change(request, state, "let run again")
        messages.info(request, _("%(count)d tasks run again.") % {"count": len(resumed)})


@admin.register(WorkerBeat)
class WorkerBeatAdmin(PlatformAdmin):
    """Workers that said they live."""

    list_display = ("name", "seen_at")
    ordering = ("-seen_at",)


class MessageState(admin.SimpleListFilter):
    """Outbox messages by what became of them."""

    title = _("state")
    parameter_name = "state"
    conditions: Mapping[str, dict[str, Any]] = {
        "waiting": {"sent_at": None, "dead_at": None},
        "sent": {"sent_at__isnull": False},
        "dead": {"dead_at__isnull": False},
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("waiting", _("waiting")), ("sent", _("sent")), ("dead", _("dead"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**self.conditions.get(self.value() or "", {}))


@admin.register(OutboxMessage)
class OutboxMessageAdmin(KernelAdmin):
    list_display = ("id", "topic", "object_key", "state_label", "attempts", "next_at", "last_error")
    list_filter = (MessageState, "topic")
    search_fields = ("object_key", "uuid")
    ordering = ("-id",)
    hidden = ("payload",)
    actions = ("send_again",)

    @display(
        description=_("state"),
        label={"waiting": "info", "sent": "success", "dead": "danger"},
    )
    def state_label(self, message: OutboxMessage) -> tuple[str, Any]:
        if message.sent_at is not None:
            return "sent", _("sent")
        return ("dead", _("dead")) if message.dead_at is not None else ("waiting", _("waiting"))

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("voltop.change_outboxmessage")

    @admin.action(description=_("Send again"), permissions=["replay"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        """Give dead messages their attempts back; others are left alone."""
        revived = [message for message in queryset if outbox.replay(message.pk)]
        for message in revived:
            self.log_change(request, message, "sent again")
        messages.info(request, _("%(count)d messages are sent again.") % {"count": len(revived)})


@admin.register(OutboxLane)
class OutboxLaneAdmin(KernelAdmin):
    """Platform's: lanes know no provider."""

    list_display = ("name", "failures", "next_at", "lease_until")
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        lanes = OutboxLane.objects.all()
        return lanes if request.user.has_perm(SEE_ALL) else lanes.none()


@admin.register(Counter)
class CounterAdmin(KernelAdmin):
    list_display = ("name", "provider_id", "last", "updated_at")
    list_filter = ("name",)


@admin.register(SubjectKey)
class SubjectKeyAdmin(KernelAdmin):
    list_display = ("subject", "provider_id", "key_id", "created_at", "destroyed_at")
    search_fields = ("subject",)
    hidden = ("wrapped_key",)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(KernelAdmin):
    list_display = ("key", "route", "actor", "status", "created_at")
    list_filter = ("status",)
    search_fields = ("key",)
    ordering = ("-created_at",)
    hidden = ("body", "headers", "request_sha256")


@admin.register(Event)
class EventAdmin(KernelAdmin):
    list_display = ("id", "provider_id", "seq", "kind", "object_id", "actor", "at")
    list_filter = ("object_type",)
    search_fields = ("kind", "uuid", "object_id")
    ordering = ("-id",)


@admin.register(StoredFile)
class StoredFileAdmin(KernelAdmin):
    list_display = ("id", "name", "content_type", "size_bytes", "kept_at", "provider_id")
    list_filter = ("content_type",)
    search_fields = ("name", "uuid")
    hidden = ("sealed", "place")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("sealed")
