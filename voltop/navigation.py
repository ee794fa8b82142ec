"""The sidebar of the admin: what people look for, in the order of a day; all tables behind it.

Each entry names the permission that its page asks for; what somebody may not open is not shown.
"""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

APART = ("vehicles_map", "drivers_funnel")
"""Pages with an entry of their own that stand below another one's address."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the admin: its model (or address), its words and its sign."""

    title: Any
    model: str
    icon: str
    address: str = ""

    def item(self, request: HttpRequest) -> dict[str, Any] | None:
        """As Unfold takes it; None where the user may not look at it."""
        app, _dot, name = self.model.partition(".")
        user: Any = request.user
        if not (user.has_perm(f"{app}.view_{name}") or user.has_perm(f"{app}.change_{name}")):
            return None
        link = reverse(self.address or f"admin:{app}_{name}_changelist")
        apart = {reverse(f"admin:{name}") for name in APART} - {link}
        is_here = request.path.startswith(link) and request.path not in apart
        return {"title": self.title, "icon": self.icon, "link": link, "active": is_here}


GROUPS: tuple[tuple[Any, tuple[Entry, ...]], ...] = (
    (
        _("On the road"),
        (
            Entry(_("Live map"), "vehicles.vehiclestate", "map", address="admin:vehicles_map"),
            Entry(_("Vehicles"), "vehicles.vehicle", "electric_car"),
            Entry(_("Assignments"), "vehicles.assignment", "swap_horiz"),
            Entry(_("Shifts"), "shifts.shift", "schedule"),
            Entry(_("Shift proposals"), "shifts.shiftproposal", "rule"),
            Entry(_("Trips"), "telemetry.trip", "route"),
        ),
    ),
    (
        _("Charging"),
        (
            Entry(_("Bookings"), "reservations.reservation", "event"),
            Entry(_("Stations"), "reservations.chargingstation", "ev_station"),
            Entry(_("Charging sessions"), "reservations.chargingsession", "bolt"),
        ),
    ),
    (
        _("People"),
        (
            Entry(_("Drivers"), "drivers.driver", "badge"),
            Entry(_("The way in"), "drivers.driver", "filter_alt", address="admin:drivers_funnel"),
            Entry(_("Papers"), "drivers.driverdocument", "id_card"),
            Entry(_("Face checks"), "drivers.facecheck", "familiar_face_and_zone"),
            Entry(_("Conversations"), "chat.conversation", "forum"),
            Entry(_("Calls for help"), "chat.alarm", "e911_emergency"),
            Entry(_("Messages to many"), "chat.announcement", "campaign"),
            Entry(_("Canned replies"), "chat.cannedreply", "quickreply"),
            Entry(_("Staff"), "fleets.membership", "group"),
        ),
    ),
    (
        _("Money"),
        (
            Entry(_("Pay batches"), "payments.paymentbatch", "fact_check"),
            Entry(_("Payments"), "payments.payment", "payments"),
            Entry(_("Payouts"), "payments.payout", "account_balance"),
            Entry(_("Adjustments"), "payments.adjustment", "tune"),
            Entry(_("Platform income"), "shifts.platformentry", "receipt_long"),
            Entry(_("Pay plans"), "payments.payplan", "calculate"),
            Entry(_("Terms"), "payments.terms", "contract"),
            Entry(_("Ledger"), "payments.entry", "menu_book"),
        ),
    ),
    (
        _("Company"),
        (
            Entry(_("Companies"), "fleets.fleetprovider", "apartment"),
            Entry(_("Rules"), "fleets.fleetpolicy", "gavel"),
            Entry(_("Depots"), "fleets.depot", "warehouse"),
            Entry(_("Support rules"), "chat.slapolicy", "support_agent"),
            Entry(_("On call"), "chat.oncall", "notifications_active"),
            Entry(_("Imports"), "fleets.dataimport", "upload_file"),
            Entry(_("Telemetry sources"), "telemetry.telemetrysource", "sensors"),
            Entry(_("Webhooks"), "fleets.webhookendpoint", "webhook"),
            Entry(_("Audit trail"), "fleets.auditentry", "history"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Unfold's SIDEBAR navigation for the user of this request."""
    home = reverse("admin:index")
    first = {"title": _("Today"), "icon": "home", "link": home, "active": request.path == home}
    inbox = Entry(_("Inbox"), "fleets.inboxitem", "inbox").item(request)
    groups: list[dict[str, Any]] = [{"items": [first, *([inbox] if inbox else [])]}]
    for title, entries in GROUPS:
        items = [item for entry in entries if (item := entry.item(request)) is not None]
        if items:
            groups.append({"title": title, "items": items, "separator": False})
    return groups


def company(request: HttpRequest) -> str:
    """Whose data is shown, and in which time zone: below the name in the corner."""
    provider = getattr(request, "active_provider", None)
    if provider is None:
        return str(_("All companies, UTC"))
    return f"{provider.name}, {zone_in_words()}"


def environment(request: HttpRequest) -> list[Any] | None:
    """Unfold's ENVIRONMENT: a badge on every page of a company for tests."""
    provider = getattr(request, "active_provider", None)
    return [_("For tests"), "warning"] if provider is not None and provider.is_sandbox else None


def zone_in_words() -> str:
    """The clock that pages tell times by: "Mexico City time", or UTC."""
    zone = timezone.get_current_timezone_name()
    return zone if zone == "UTC" else f"{zone.rpartition('/')[2].replace('_', ' ')} time"
