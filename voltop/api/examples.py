"""Examples for the OpenAPI description, made from the schemas themselves.

A serializer that wants a telling example gives one (`schema_example` of a body, `schema_values` of
an answer's fields that belong together); what has none gets a valid one from here, so that no
operation is without.
"""

import re
from typing import Any

BY_FORMAT = {
    "date-time": "2026-03-01T08:30:00Z",
    "date": "2026-03-01",
    "time": "08:30:00",
    "uuid": "01920000-0000-7000-8000-000000000001",
    "email": "ana@example.com",
    "uri": "https://example.com/",
    "decimal": "12.50",
}
BY_NAME = {
    "about_id": "4711",
    "about_type": "payments.paymentline",
    "access_token": "eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0.eyJzdWIiOiI3In0.c2lnbmF0dXJl",
    "actor": "dispatch@alba.example",
    "address": "Av. Insurgentes Sur 1602, Ciudad de México",
    "approved_by": "owner@alba.example",
    "bank_reason": "account closed",
    "bank_ref": "B-20260301-000042",
    "birth_date": "1990-05-17",
    "body": "My last payment seems to lack Sunday's shift.",
    "challenge": "c1Zt8w",
    "changed_by": "owner@alba.example",
    "client_id": "erp-7f3a",
    "client_secret": "vtc_2m4Xo9",
    "code": "ok",
    "connector_id": "1",
    "cost_centre": "north",
    "country": "MX",
    "created_by": "dispatch@alba.example",
    "currency": "MXN",
    "current_password": "the sentence you had",
    "decided_by": "owner@alba.example",
    "deduction_basis": "Art. 110 LFT",
    "detail": "Not there, or not yours.",
    "device": "356938035643809",
    "device_id": "6f1c2a9e0b3d4c5e",
    "disabled_reason": "no answer for three days",
    "driver_documents": "driving_licence",
    "email": "ana@example.com",
    "emergency_contact_name": "Luis Torres",
    "emergency_contact_phone": "+525512345679",
    "employee_number": "D-017",
    "end": "2026-03-01T16:30:00Z",
    "endpoint": "https://erp.example/hooks/voltop",
    "ends_at": "2026-03-01T16:30:00Z",
    "ends_on": "2026-12-31",
    "error_code": "account_closed",
    "error_detail": "The bank says that the account is closed.",
    "event": "driver.activated",
    "evidence": "Receipt 8841",
    "evse_uid": "MX*VLT*E0001",
    "expires_on": "2029-03-31",
    "external_id": "D-17",
    "face_max_distance": "0.45",
    "family_name": "Torres",
    "file_name": "vehicles.csv",
    "from_state": "active",
    "full_name": "Ana Torres",
    "given_name": "Ana",
    "grant_type": "client_credentials",
    "holder_name": "Ana Torres",
    "holder_tax_id": "TOAA900101AB1",
    "holiday_region": "CMX",
    "id": "6f1c2a9e0b3d4c5e",
    "key": "D-17",
    "kind": "fare",
    "kinds": "shift.ended",
    "label": "A-12",
    "language": "es",
    "last_error": "timed out",
    "last_problem": "timed out",
    "latitude": "19.432608",
    "legal_name": "Alba Movilidad S.A. de C.V.",
    "login": "ana@example.com",
    "longitude": "-99.133209",
    "mask": "•••• 4821",
    "name": "Depot North",
    "national_id": "TOAA900101MDFRRN09",
    "new_password": "a long sentence of your own",
    "next": "oq1fJkYxWyJpZCIsIFs0Ml1d",
    "outcome": "ok",
    "override_reason": "papers were seen at the depot",
    "password": "a long sentence of your own",
    "pay_on": "2026-03-11",
    "payout_rails": "spei",
    "period_ends_on": "2026-03-09",
    "period_starts_on": "2026-03-02",
    "phone": "+525512345678",
    "physical_reference": "Bay 4",
    "plate": "NXA-12-34",
    "proposed_by": "system",
    "rate": "4.20",
    "reason": "agreed with the driver by telephone",
    "ref": "erp:D-17",
    "reference": "R-2026-0042",
    "refresh_token": "vtr_9Zl0aQ",
    "requested_by": "pay@alba.example",
    "scope": "drivers:read",
    "scopes": "drivers:read",
    "second_factor_roles": "owner",
    "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    "system": "erp",
    "tax_id": "AMO010101AB1",
    "text": "My last payment seems to lack Sunday's shift.",
    "time_zone": "America/Mexico_City",
    "token_type": "Bearer",
    "to_state": "ended",
    "trip_ref": "T-88213",
    "uid": "MX*VLT*E0001",
    "unit": "km",
    "url": "https://erp.example/hooks/voltop",
    "username": "ana@example.com",
    "valid_to": "2026-12-31",
    "vehicle_documents": "registration",
    "vin": "5YJ3E1EA2KF317000",
}
"""What a text (a time, a date, a decimal) of that name looks like in life."""

NUMBERS = {"driver_erasure_days": 4018}
"""Likewise of a number, where the least that the schema allows is none."""
CODE_OF_SIX = "493027"
LOOKS = {
    "date": r"^\d{4}-\d\d-\d\d$",
    "date-time": r"^\d{4}-.*T.*Z$",
    "decimal": r"^-?\d+(\.\d+)?$",
    "email": "@",
    "uri": "^https?://",
    "uuid": r"^[0-9a-f-]{36}$",
}

MAX_DEPTH = 8


def example_of(
    schema: dict[str, Any], schemas: dict[str, Any], depth: int = 0, name: str = ""
) -> Any:
    """A value that fits a schema, telling by the name of the field where that is known; `schemas`
    are the components that references name.
    """
    if depth > MAX_DEPTH:
        return None
    if "$ref" in schema and "example" not in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, depth + 1, name)
    for key in ("example", "default", "const"):
        if schema.get(key, "") != "":  # left away is the usual, but shows nothing
            return schema[key]
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("allOf", "oneOf", "anyOf"):
        if schema.get(key):
            return example_of(schema[key][0], schemas, depth + 1, name)
    return _by_type(schema, schemas, depth, name)


def _by_type(schema: dict[str, Any], schemas: dict[str, Any], depth: int, name: str) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), None)
    if kind == "object":
        properties = schema.get("properties", {})
        return {key: example_of(part, schemas, depth + 1, key) for key, part in properties.items()}
    if kind == "array":
        return [example_of(schema.get("items", {}), schemas, depth + 1, name)]
    if kind == "string":
        return _text(schema, name)
    if kind in ("integer", "number"):
        return NUMBERS.get(name, max(1, schema.get("minimum", 1)))
    return True if kind == "boolean" else None


def _text(schema: dict[str, Any], name: str) -> str:
    """By name where that fits the schema, else by format."""
    if name == "code" and schema.get("writeOnly"):
        return CODE_OF_SIX
    kind = schema.get("format", "")
    usual = BY_FORMAT.get(kind, "text")
    found = BY_NAME.get(name, usual)
    longest = schema.get("maxLength", len(found))
    looks = re.search(LOOKS.get(kind, ""), found) and re.search(schema.get("pattern", ""), found)
    return found if looks and len(found) <= longest else usual[:longest]
