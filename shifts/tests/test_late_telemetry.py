"""From a late batch over the API to other figures of a shift over the API."""

from decimal import Decimal

import pytest

from shifts.services import compute_due
from shifts.tests.scene import KM_PER_DEGREE, Scene, at
from telemetry import services as telemetry_services
from voltop.tests.cast import Cast

pytestmark = pytest.mark.django_db


def batch(scene: Scene, from_h: float, to_h: float) -> dict:
    """Twelve samples an hour of a car that goes north at 36 km/h."""
    return {
        "samples": [
            {
                "vehicle": scene.car.pk,
                "recorded_at": at(n / 12).isoformat(),
                "latitude": 19.0 + n / 12 * 36 / KM_PER_DEGREE,
                "longitude": -99.1,
                "speed_kmh": 36,
            }
            for n in range(round(from_h * 12), round(to_h * 12) + 1)
        ]
    }


def test_a_late_batch_changes_the_metrics_of_a_shift(cast: Cast, api):
    scene = Scene(cast)
    shift = scene.ended()
    _source, token = telemetry_services.create_source(cast.a, actor=cast.actor(), name="phones")
    tracker, owner = api(Authorization=f"Bearer {token}"), api(cast.owner)

    def km_after(samples: dict) -> Decimal:
        answer = tracker.post("/api/v1/telemetry/samples", samples, format="json")
        assert answer.json()["accepted"] == len(samples["samples"])
        telemetry_services.derive_pending()
        while compute_due():
            pass
        [row] = owner.get(f"/api/v1/shift-metrics?shift={shift.pk}").json()["results"]
        return Decimal(row["km"])

    assert km_after(batch(scene, 4, 8)) == pytest.approx(Decimal(144), abs=Decimal("0.01"))
    late = batch(scene, 0, 4 - 1 / 12)
    assert km_after(late) == pytest.approx(Decimal(288), abs=Decimal("0.01"))
