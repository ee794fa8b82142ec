"""Shifts in the admin: plans are made and moved by actions; what was measured is only read."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from fleets.admin.base import (
    EventInline,
    ProviderAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    When,
    admin_actor,
    service_action,
    status_badge,
    while_empty,
)
from fleets.admin.shown import codes, duration
from shifts import services
from shifts.models import (
    PROPOSAL_MACHINE,
    SHIFT_MACHINE,
    MetricsRequest,
    PlatformAccount,
    PlatformDriver,
    PlatformEntry,
    Shift,
    ShiftBreak,
    ShiftEvent,
    ShiftMetrics,
    ShiftProposal,
    ShiftProposalEvent,
    ShiftStint,
)
from voltop import clock
from voltop.context import Actor

BY_DRIVER = ("driver__given_name", "driver__family_name", "driver__employee_number")
OF_SHIFT = tuple(f"shift__{name}" for name in BY_DRIVER)


def _move(
    description: Any,
    service: Callable[..., Any],
    permission: str = "change_shift",
    *,
    when: When,
) -> Any:
    """An action that calls a service with the reason typed beside it."""

    def call(row: Any, actor: Actor, reason: str) -> Any:
        return service(row, actor=actor, reason=reason)

    call.__name__ = service.__name__
    return service_action(description, f"shifts.{permission}", call, when=when)


def _plain(
    description: Any,
    service: Callable[..., Any],
    permission: str = "change_shift",
    *,
    when: When,
) -> Any:
    """An action that needs no reason."""

    def call(row: Any, actor: Actor, reason: str) -> Any:
        return service(row, actor=actor)

    call.__name__ = service.__name__
    return service_action(description, f"shifts.{permission}", call, when=when)


def _start(shift: Shift, actor: Actor, reason: str) -> Shift:
    return services.start_shift(shift.driver, planned=shift, actor=actor)


def _start_anyway(shift: Shift, actor: Actor, reason: str) -> Shift:
    return services.start_shift(shift.driver, planned=shift, actor=actor, override_reason=reason)


_STARTS = SHIFT_MACHINE.opens("active", {"scheduled"})


# --- Shifts --------------------------------------------------------------------------------------
class ShiftEventInline(EventInline):
    model = ShiftEvent


class StintInline(ReadOnlyInline):
    model = ShiftStint
    fields = ("vehicle", "starts_at", "ends_at", "reason")
    readonly_fields = ("vehicle",)
    verbose_name_plural = _("cars")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("assignment__vehicle")

    @admin.display(description=_("vehicle"))
    def vehicle(self, stint: ShiftStint) -> str:
        return str(stint.assignment.vehicle)


class BreakInline(ReadOnlyInline):
    model = ShiftBreak
    fields = ("starts_at", "ends_at")
    verbose_name_plural = _("breaks")


class MetricsInline(ReadOnlyInline):
    model = ShiftMetrics
    verbose_name_plural = _("what it came to")
    fields = (
        "worked_s",
        "km",
        "gap_km",
        "paid_km",
        "trips",
        "used_kwh",
        "income_amount",
        "coverage_pct",
    )


@admin.register(Shift)
class ShiftAdmin(ProviderAdmin):
    list_display = (
        "driver",
        "business_date",
        "badge",
        "depot",
        "start",
        "end",
        "hours",
        "review",
    )
    badge = status_badge(
        scheduled="info",
        active="success",
        on_break="warning",
        auto_closed="danger",
        missed="danger",
        confirmed="info",
    )
    list_filter = (
        "status",
        "marked_for_review",
        "close_reason",
        "depot",
        ("business_date", admin.DateFieldListFilter),
    )
    list_select_related = ("driver", "depot")
    search_fields = BY_DRIVER
    ordering = ("-business_date", "-id")
    autocomplete_fields = ("driver", "planned_vehicle")
    inlines = (StintInline, BreakInline, MetricsInline, ShiftEventInline)
    fields = ("driver", "depot", "planned_vehicle", "planned_starts_at", "planned_ends_at")
    actions = (
        _plain(_("Start"), _start, when=_STARTS),
        service_action(
            _("Start against the rules (with a reason)"),
            "shifts.override_start_gates",
            _start_anyway,
            when=_STARTS,
        ),
        _plain(_("Begin a break"), services.take_break, when=SHIFT_MACHINE.opens("on_break")),
        _plain(
            _("End the break"), services.resume, when=SHIFT_MACHINE.opens("active", {"on_break"})
        ),
        _move(
            _("End"),
            services.end_shift,
            when=SHIFT_MACHINE.opens("ended", {"active", "on_break", "auto_closed"}),
        ),
        _move(
            _("Cancel (with a reason)"),
            services.cancel_shift,
            when=SHIFT_MACHINE.opens("cancelled"),
        ),
        _move(
            _("Confirm"),
            services.confirm_shift,
            "confirm_shift",
            when=SHIFT_MACHINE.opens("confirmed"),
        ),
        _move(
            _("Reopen (with a reason)"),
            services.reopen_shift,
            "confirm_shift",
            when=SHIFT_MACHINE.opens("ended", {"confirmed"}),
        ),
    )

    @admin.display(description=_("start"), ordering="starts_at")
    def start(self, shift: Shift) -> datetime | None:
        return shift.starts_at or shift.planned_starts_at

    @admin.display(description=_("end"), ordering="ends_at")
    def end(self, shift: Shift) -> datetime | None:
        planned = shift.planned_ends_at if shift.starts_at is None else None
        return shift.ends_at or planned

    @admin.display(description=_("hours"))
    def hours(self, shift: Shift) -> str:
        if shift.starts_at is None or shift.ends_at is None:
            return "–"
        return duration(round((shift.ends_at - shift.starts_at).total_seconds()))

    @display(description=_("review"), ordering="marked_for_review", label={"wanted": "warning"})
    def review(self, shift: Shift) -> Any:
        """What it is marked for review for; nothing for most."""
        if not shift.marked_for_review:
            return None
        return "wanted", codes(shift.review_reasons) if shift.review_reasons else _("review")

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.inlines if obj is not None else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.fields
        return (
            ("driver", "depot"),
            ("status", "business_date"),
            ("starts_at", "ends_at"),
            ("planned_starts_at", "planned_ends_at"),
            ("planned_vehicle", "time_zone"),
            ("close_reason", "review_reasons"),
        )

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> Shift:
        return services.schedule_shift(
            values["driver"],
            actor=admin_actor(request),
            starts_at=values["planned_starts_at"],
            ends_at=values["planned_ends_at"],
            vehicle=values["planned_vehicle"],
            depot=values["depot"],
        )


@admin.register(ShiftEvent)
class ShiftEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "shift", "from_state", "to_state", "actor", "reason")
    list_filter = ("to_state",)
    list_select_related = ("shift__driver",)
    search_fields = (*OF_SHIFT, "reason")
    ordering = ("-id",)


@admin.register(ShiftStint)
class ShiftStintAdmin(ReadOnlyAdmin):
    list_display = ("shift", "driver", "vehicle", "starts_at", "ends_at", "reason")
    list_filter = (("ends_at", admin.EmptyFieldListFilter),)
    list_select_related = ("shift__driver", "assignment__vehicle")
    search_fields = (*OF_SHIFT, "assignment__vehicle__label", "assignment__vehicle__plate")
    ordering = ("-starts_at",)

    @admin.display(description=_("driver"))
    def driver(self, stint: ShiftStint) -> Any:
        return stint.shift.driver

    @admin.display(description=_("vehicle"))
    def vehicle(self, stint: ShiftStint) -> Any:
        return stint.assignment.vehicle


@admin.register(ShiftBreak)
class ShiftBreakAdmin(ReadOnlyAdmin):
    list_display = ("shift", "starts_at", "ends_at")
    list_filter = (("ends_at", admin.EmptyFieldListFilter),)
    list_select_related = ("shift__driver",)
    search_fields = OF_SHIFT
    ordering = ("-starts_at",)


@admin.register(ShiftMetrics)
class ShiftMetricsAdmin(ReadOnlyAdmin):
    list_display = (
        "shift",
        "driver",
        "worked_s",
        "km",
        "paid_km",
        "trips",
        "income_amount",
        "coverage_pct",
        "method",
    )
    list_filter = ("method", ("shift__business_date", admin.DateFieldListFilter))
    list_select_related = ("shift__driver",)
    search_fields = OF_SHIFT
    ordering = ("-shift_id",)

    @admin.display(description=_("driver"))
    def driver(self, metrics: ShiftMetrics) -> Any:
        return metrics.shift.driver


@admin.register(MetricsRequest)
class MetricsRequestAdmin(ReadOnlyAdmin):
    list_display = ("shift", "created_at", "next_at")
    list_select_related = ("shift__driver",)
    search_fields = OF_SHIFT


# --- Proposals -----------------------------------------------------------------------------------
class ProposalEventInline(EventInline):
    model = ShiftProposalEvent


@admin.register(ShiftProposal)
class ShiftProposalAdmin(ProviderAdmin):
    list_display = (
        "vehicle",
        "driver",
        "business_date",
        "starts_at",
        "ends_at",
        "badge",
        "edited",
    )
    badge = status_badge(
        "state", proposed="info", accepted="success", rejected="danger", withdrawn="warning"
    )
    list_filter = (
        "state",
        ("driver", admin.EmptyFieldListFilter),
        "edited",
        "depot",
        ("business_date", admin.DateFieldListFilter),
    )
    list_select_related = ("vehicle", "driver")
    search_fields = (*BY_DRIVER, "vehicle__label", "vehicle__plate")
    ordering = ("-business_date", "-id")
    autocomplete_fields = ("driver",)
    inlines = (ProposalEventInline,)
    fields = (
        *(("vehicle", "state"), "driver", "starts_at", "ends_at"),
        ("business_date", "shift"),
    )
    readonly_fields = ("vehicle", "state", "business_date", "shift")
    actions = (
        _plain(
            _("Accept"),
            services.accept_proposal,
            "change_shiftproposal",
            when=PROPOSAL_MACHINE.opens("accepted"),
        ),
        _move(
            _("Reject (with a reason)"),
            services.reject_proposal,
            "change_shiftproposal",
            when=PROPOSAL_MACHINE.opens("rejected"),
        ),
    )

    def service_update(
        self, request: HttpRequest, obj: Any, values: Mapping[str, Any]
    ) -> ShiftProposal:
        return services.edit_proposal(obj, actor=admin_actor(request), **values)


@admin.register(ShiftProposalEvent)
class ShiftProposalEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "proposal", "from_state", "to_state", "actor", "reason")
    list_filter = ("to_state",)
    list_select_related = ("proposal__vehicle",)
    search_fields = ("proposal__vehicle__label", "proposal__vehicle__plate", "reason")
    ordering = ("-id",)


# --- Platform income -----------------------------------------------------------------------------
@admin.register(PlatformAccount)
class PlatformAccountAdmin(ProviderAdmin):
    list_display = ("name", "platform", "currency", "time_zone", "week_starts_on")
    list_filter = ("platform",)
    search_fields = ("name",)
    fields = ("platform", "name", "time_zone", ("week_starts_on", "week_starts_hour"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("platform",) if obj is not None else ()

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> PlatformAccount:
        return services.create_platform_account(
            self.own_provider(request), actor=admin_actor(request), **values
        )

    def service_update(
        self, request: HttpRequest, obj: Any, values: Mapping[str, Any]
    ) -> PlatformAccount:
        return services.update_platform_account(obj, actor=admin_actor(request), **values)


def _take_away(known: PlatformDriver, actor: Actor, reason: str) -> PlatformDriver:
    now = clock.now()
    return services.take_platform_id(known, actor=actor, ends_at=now, at=now)


@admin.register(PlatformDriver)
class PlatformDriverAdmin(ProviderAdmin):
    list_display = ("external_id", "account", "driver", "starts_at", "ends_at")
    list_filter = ("account", ("ends_at", admin.EmptyFieldListFilter))
    list_select_related = ("account", "driver")
    search_fields = ("external_id", *BY_DRIVER)
    autocomplete_fields = ("account", "driver")
    fields = ("account", "external_id", "driver", "starts_at", "ends_at")
    actions = (
        service_action(
            _("Take away now"),
            "shifts.change_platformdriver",
            _take_away,
            when=while_empty("ends_at"),
        ),
    )

    def service_create(self, request: HttpRequest, values: Mapping[str, Any]) -> PlatformDriver:
        return services.give_platform_id(
            values["account"],
            values["driver"],
            actor=admin_actor(request),
            external_id=values["external_id"],
            starts_at=values["starts_at"],
            ends_at=values["ends_at"],
        )


@admin.register(PlatformEntry)
class PlatformEntryAdmin(ReadOnlyAdmin):
    list_display = (
        "external_id",
        "account",
        "kind",
        "driver",
        "business_date",
        "amount",
        "currency",
        "shift",
    )
    list_filter = (
        "account",
        "kind",
        ("shift", admin.EmptyFieldListFilter),
        ("driver", admin.EmptyFieldListFilter),
        ("business_date", admin.DateFieldListFilter),
    )
    list_select_related = ("account", "driver", "shift__driver")
    search_fields = ("external_id", "trip_ref", *BY_DRIVER)
    ordering = ("-occurred_at",)
