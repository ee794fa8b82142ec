"""What telemetry shows on other apps' pages: a vehicle's latest samples, the first page's parts."""

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from telemetry import selectors
from telemetry.models import QuarantinedSample, TelemetrySource
from vehicles.models import Vehicle
from voltop.home import Figure, Work
from voltop.panels import Panel

SHOWN_SAMPLES = 60


def latest_samples(vehicle: Vehicle, provider_id: int | None) -> Panel:
    """The vehicle's latest samples, of the provider's own time."""
    rows = selectors.latest_samples(vehicle.pk, provider_id, SHOWN_SAMPLES)
    return Panel(
        _("Latest samples"),
        (
            *(_("recorded"), _("latitude"), _("longitude"), _("km/h"), _("SoC %")),
            *(_("odometer km"), _("power kW"), _("charging"), _("ignition"), _("occupied")),
        ),
        [tuple(_shown(value) for value in row) for row in rows],
        "telemetry.view_trip",
        _("The newest %(count)d of the last days; empty cells were not sent.")
        % {"count": SHOWN_SAMPLES},
    )


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S}"
    return str(value)


def work() -> list[Work]:
    """Sources with trackers that nobody has fitted: their samples wait a week."""
    return [
        Work(
            "telemetry.quarantined",
            _("Sources with trackers without a vehicle"),
            _with_quarantined,
            "/admin/telemetry/quarantinedsample/",
            "telemetry.add_devicefitting",
            icon="location_off",
        )
    ]


def _with_quarantined(provider_id: int | None) -> QuerySet[Any]:
    waiting = QuarantinedSample.objects.filter(source=OuterRef("pk"))
    return TelemetrySource.objects.seen_from(provider_id).filter(Exists(waiting))


def figures(provider_id: int | None) -> list[Figure]:
    """How many sources are on."""
    count = (
        TelemetrySource.objects.counted_for(provider_id).filter(disabled_at__isnull=True).count()
    )
    return [
        Figure(
            _("Telemetry sources"),
            str(count),
            "/admin/telemetry/telemetrysource/",
            "telemetry.view_telemetrysource",
            icon="sensors",
        )
    ]
