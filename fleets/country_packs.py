"""Starting values of a provider's policy by country; afterwards the provider's own to change.

The figures are starting points taken from general labour law and are not legal advice; each pack
names its basis. Sources: MX Ley Federal del Trabajo arts. 58-68, 110; BR CLT arts. 58, 66, 67-A,
235-C and Lei 14.297; DE ArbZG §§ 3-5, BGB § 394 with ZPO § 850c; US: federal law sets no general
daily limit (FLSA; 49 CFR 395 does not apply to passenger cars), wage deductions 29 CFR 531.35.
"""

from decimal import Decimal
from typing import Any

YEAR_DAYS = 365
PAYSLIPS_KEPT_DAYS = {
    "MX": 6 * YEAR_DAYS + 2,
    "BR": 6 * YEAR_DAYS + 2,
    "DE": 9 * YEAR_DAYS + 3,
    "US": 5 * YEAR_DAYS + 2,
}
"""For how long after somebody left a payslip must still say whose it is: the term and, as terms
begin with the end of a year, one more. MX CFF art. 30 (five years); BR CF art. 7 XXIX and CTN
art. 173 (five); DE AO § 147 (eight, of vouchers); US 26 CFR 31.6001-1 (four)."""

LONGEST_KEPT_DAYS = 11 * YEAR_DAYS + 3
"""Elsewhere: ten years, the longest that is usual."""

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


def payslips_kept_days(country: str) -> int:
    """The fewest days after which somebody who left may be erased, by the law of the country."""
    return PAYSLIPS_KEPT_DAYS.get(country, LONGEST_KEPT_DAYS)
