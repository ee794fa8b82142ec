"""Starting values of a provider's policy by country; afterwards the provider's own to change.

The figures are starting points taken from general labour law and are not legal advice; each pack
names its basis. Sources: MX Ley Federal del Trabajo arts. 58-68, 110; BR CLT arts. 58, 66, 67-A,
235-C and Lei 14.297; DE ArbZG §§ 3-5, BGB § 394 with ZPO § 850c; US: federal law sets no general
daily limit (FLSA; 49 CFR 395 does not apply to passenger cars), wage deductions 29 CFR 531.35.
"""

from decimal import Decimal
from typing import Any

DEFAULT: dict[str, Any] = {
    "min_rest_h": Decimal("8"),
    "shift_max_h": Decimal("12"),
    "deduction_cap_pct": 50,
    "deduction_basis": "contract",
    "payout_rails": ["csv"],
    "driver_documents": ["driving_licence"],
    "vehicle_documents": ["registration", "insurance"],
}

PACKS: dict[str, dict[str, Any]] = {
    "MX": {
        "min_rest_h": Decimal("10"),
        "daily_limit_h": Decimal("11"),
        "weekly_limit_h": Decimal("57"),
        "break_after_h": Decimal("6"),
        "break_min": 30,
        "deduction_cap_pct": 30,
        "deduction_basis": "LFT art. 110",
        "payout_rails": ["spei"],
        "driver_documents": ["driving_licence", "national_id", "tax_certificate"],
        "vehicle_documents": ["registration", "insurance", "inspection", "permit"],
        "holiday_region": "MX",
    },
    "BR": {
        "min_rest_h": Decimal("11"),
        "daily_limit_h": Decimal("12"),
        "weekly_limit_h": Decimal("56"),
        "break_after_h": Decimal("6"),
        "break_min": 60,
        "deduction_cap_pct": 70,
        "deduction_basis": "CLT art. 462, 477",
        "payout_rails": ["pix"],
        "driver_documents": ["driving_licence", "national_id"],
        "vehicle_documents": ["registration", "insurance"],
        "holiday_region": "BR",
    },
    "DE": {
        "min_rest_h": Decimal("11"),
        "shift_max_h": Decimal("10"),
        "daily_limit_h": Decimal("10"),
        "weekly_limit_h": Decimal("48"),
        "break_after_h": Decimal("6"),
        "break_min": 30,
        "deduction_cap_pct": 30,
        "deduction_basis": "ZPO § 850c",
        "payout_rails": ["sepa"],
        "driver_documents": ["driving_licence", "passenger_transport_licence"],
        "vehicle_documents": ["registration", "insurance", "inspection"],
        "holiday_region": "DE",
    },
    "US": {
        "min_rest_h": Decimal("8"),
        "shift_max_h": Decimal("12"),
        "deduction_cap_pct": 25,
        "deduction_basis": "29 CFR 531.35",
        "payout_rails": ["ach"],
        "driver_documents": ["driving_licence"],
        "vehicle_documents": ["registration", "insurance"],
        "holiday_region": "US",
    },
}


def policy_values(country: str) -> dict[str, Any]:
    """The policy fields a new provider of this country (ISO 3166-1 alpha-2) starts with."""
    return {**DEFAULT, **PACKS.get(country, {})}
