"""Examples for the OpenAPI description, made from the schemas themselves.

A serializer that wants a telling example gives one (`extend_schema_serializer(examples=…)`); what
has none gets a valid one from here, so that no operation is without.
"""

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
MAX_DEPTH = 8


def example_of(schema: dict[str, Any], schemas: dict[str, Any], depth: int = 0) -> Any:
    """A value that fits a schema; `schemas` are the components that references name."""
    if depth > MAX_DEPTH:
        return None
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, depth + 1)
    for key in ("example", "default", "const"):
        if key in schema:
            return schema[key]
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("allOf", "oneOf", "anyOf"):
        if schema.get(key):
            return example_of(schema[key][0], schemas, depth + 1)
    return _by_type(schema, schemas, depth)


def _by_type(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), None)
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: example_of(part, schemas, depth + 1) for name, part in properties.items()}
    if kind == "array":
        return [example_of(schema.get("items", {}), schemas, depth + 1)]
    if kind == "string":
        return BY_FORMAT.get(schema.get("format", ""), "text"[: schema.get("maxLength", 4)])
    if kind in ("integer", "number"):
        return max(1, schema.get("minimum", 1))
    return True if kind == "boolean" else None
