"""The OpenAPI description: complete, valid, without a warning, and served without a CDN."""

import re

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from voltop.api.examples import example_of
from voltop.errors import all_error_classes
from voltop.tests import api_views

METHODS = ("get", "post", "put", "patch", "delete")


def build(patterns=None):
    GENERATOR_STATS.reset()
    schema = SchemaGenerator(patterns=patterns).get_schema(request=None, public=True)
    warnings = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    assert not warnings, warnings
    return schema


def operations(schema):
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield path, method, operation


@pytest.fixture(scope="module")
def product():
    """The product's; `make lint` validates the file that is made of it."""
    return build()


@pytest.fixture(scope="module")
def sample():
    schema = build(api_views.urlpatterns)
    validate_schema(schema)
    return schema


def test_the_product_is_described_without_a_warning(product):
    assert product["openapi"].startswith("3.1")


@pytest.mark.parametrize("which", ["product", "sample"])
def test_every_operation_says_what_it_takes_and_answers(which, request):
    schema = request.getfixturevalue(which)
    known = all_error_classes()
    for path, method, operation in operations(schema):
        place = f"{method} {path}"
        assert operation.get("description"), place
        assert len(operation["tags"]) == 1, place
        assert operation["x-permission"], place
        assert set(operation["x-error-codes"]) <= known.keys(), place
        for status, body in operation["responses"].items():
            if status >= "400" and operation["operationId"] != "oauth_token":  # RFC 6749 rules it
                assert set(body["content"]) == {"application/problem+json"}, place
        good = [body for status, body in operation["responses"].items() if status < "400"]
        for body in (operation.get("requestBody"), *good):
            for content in (body or {}).get("content", {}).values():
                assert "example" in content or "examples" in content, place
    identifiers = [operation["operationId"] for _p, _m, operation in operations(schema)]
    assert len(identifiers) == len(set(identifiers))


@pytest.mark.parametrize("which", ["product", "sample"])
def test_every_input_is_bounded(which, request):
    """Strings, numbers and arrays in bodies all have their limits, objects no further fields."""
    schema = request.getfixturevalue(which)
    components = schema["components"]["schemas"]

    def check(part, place):
        if "$ref" in part:
            name = part["$ref"].rpartition("/")[2]
            if not name.endswith("Request"):  # those are all looked at by themselves
                check(components[name], f"{place}: {name}")
            return
        for either in part.get("oneOf", []):
            check(either, place)
        kind = part.get("type")
        kinds = kind if isinstance(kind, list) else [kind]
        if "string" in kinds and not part.get("enum"):
            assert "maxLength" in part or part.get("format") in FIXED_FORMATS, place
        if "integer" in kinds or "number" in kinds:
            assert {"minimum", "maximum"} <= part.keys(), place
        if "array" in kinds:
            assert "maxItems" in part, place
            check(part["items"], f"{place}[]")
        for name, child in part.get("properties", {}).items():
            check(child, f"{place}.{name}")

    for name, component in components.items():
        if name.endswith("Request"):
            assert component.get("additionalProperties") is False, name
            check(component, name)
    for path, _method, operation in operations(schema):
        for parameter in operation.get("parameters", []):
            check(parameter["schema"], f"{path}?{parameter['name']}")


FIXED_FORMATS = ("date-time", "date", "time", "uuid", "decimal", "uri")


def test_a_view_says_everything_by_its_declarations(sample):
    post = sample["paths"]["/api/v1/depots/"]["post"]
    assert post["operationId"] == "depots_create"
    assert post["tags"] == ["voltop"]
    assert post["x-permission"] == "fleets.change_depot"
    assert post["security"] == [{"bearer": []}, {"oauth2": ["fleets:write"]}]
    assert post["requestBody"]["required"] is True
    assert set(post["responses"]) == {
        *("201", "400", "401", "403", "404", "409", "413", "415", "422", "429", "503"),
    }
    headers = {p["name"]: p.get("required", False) for p in post["parameters"]}
    assert headers == {"X-Voltop-Provider": False, "Idempotency-Key": False, "Prefer": False}
    fail = sample["paths"]["/api/v1/depots/fail/"]["post"]
    assert [p["required"] for p in fail["parameters"] if p["name"] == "Idempotency-Key"] == [True]
    retire = sample["paths"]["/api/v1/depots/{id}/retire/"]["post"]
    assert "Idempotency-Key" not in {p["name"] for p in retire["parameters"]}
    patch = sample["paths"]["/api/v1/depots/{id}/"]["patch"]
    assert "If-Match" in {p["name"] for p in patch["parameters"]}
    assert "412" in patch["responses"]
    assert "security" not in sample["paths"]["/api/v1/everything/"]["get"]


def test_what_only_people_may_do_is_not_offered_to_clients(product):
    for path, method, operation in operations(product):
        schemes = {name for option in operation.get("security", []) for name in option}
        if operation["x-permission"] == "person":
            assert schemes == {"bearer"}, f"{method} {path}"
        elif operation["x-permission"] == "signed in":
            assert schemes == {"bearer", "oauth2"}, f"{method} {path}"
    me = product["paths"]["/api/v1/auth/me/"]["get"]
    assert (me["x-permission"], me["security"]) == ("person", [{"bearer": []}])


def test_a_list_says_all_its_parameters(sample):
    listing = sample["paths"]["/api/v1/depots/"]["get"]
    assert {p["name"] for p in listing["parameters"] if p["in"] == "query"} == {
        *("cursor", "page_size", "export", "ordering", "search", "updated_since"),
        *("name", "provider", "radius_from", "retired", "changed_from"),
    }
    page = sample["components"]["schemas"]["PaginatedDepotList"]
    assert page["properties"]["results"]["maxItems"] == 200


def test_money_and_times_are_described_as_they_are(sample):
    schemas = sample["components"]["schemas"]
    body = schemas["EverythingInputRequest"]["properties"]
    assert body["price"] == {"$ref": "#/components/schemas/Money"}
    assert schemas["Money"]["required"] == ["amount", "currency"]
    assert body["at"]["format"] == "date-time"
    assert body["depot"]["type"] == "integer"


def test_whole_numbers_beyond_32_bits_say_so(product):
    """Else generated clients of several languages read ids into 32 bits."""
    found = {"int64": 0, "": 0}

    def look(part):
        if isinstance(part, list):
            for item in part:
                look(item)
        if not isinstance(part, dict):
            return
        if part.get("type") in ("integer", ["integer", "null"]):
            kind = part.get("format", "")
            found[kind] += 1
            assert kind or part["maximum"] < 2**31, part
        for name, child in part.items():
            if name != "example":
                look(child)

    look(product)
    assert min(found.values()) > 50, found


def test_ids_in_addresses_are_whole_numbers(product):
    """As they are in bodies: what a client was given it can send back."""
    [by_id] = product["paths"]["/api/v1/drivers/{id}/"]["get"]["parameters"][1:]
    assert (by_id["in"], by_id["schema"]["type"]) == ("path", "integer")
    for path, _method, operation in operations(product):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path" and parameter["schema"]["type"] != "integer":
                assert parameter["name"] in ("system", "external_id", "key", "code"), path


def test_a_default_is_one_that_may_be_sent(product):
    """Generated clients send it; and of an answer none is told."""
    defaults = {
        (name, field): part["default"]
        for name, schema in product["components"]["schemas"].items()
        for field, part in schema.get("properties", {}).items()
        if "default" in part
    }
    assert {name[-7:] for name, _field in defaults} == {"Request"}
    assert ("RotationInputRequest", "keep_h") in defaults
    assert ("RefreshInputRequest", "device_id") not in defaults


def test_nothing_of_an_answer_is_called_read_only(product):
    """Generated clients leave what is out of what they write down."""
    assert "readOnly" not in str(product)


def test_an_example_fits_its_schema():
    schemas = {"Name": {"type": "string", "maxLength": 2}}
    schema = {
        "type": "object",
        "properties": {
            "name": {"$ref": "#/components/schemas/Name"},
            "ids": {"type": "array", "items": {"type": "integer", "minimum": 5}},
            "at": {"type": ["string", "null"], "format": "date-time"},
            "kind": {"enum": ["a", "b"]},
            "either": {"oneOf": [{"type": "boolean"}, {"type": "string"}]},
        },
    }
    assert example_of(schema, schemas) == {
        "name": "te",
        "ids": [5],
        "at": "2026-03-01T08:30:00Z",
        "kind": "a",
        "either": True,
    }


def test_the_schema_is_served_to_anyone(client):
    answer = client.get("/api/v1/schema/")
    assert answer.status_code == 200
    assert answer.json()["info"]["title"] == "Voltop"


@pytest.mark.parametrize("page", ["docs", "redoc"])
def test_the_pages_load_nothing_from_elsewhere(page, client):
    answer = client.get(f"/api/v1/{page}/")
    html = answer.content.decode()
    assert answer.status_code == 200
    addresses = re.findall(r"""(?:src|href)=["']([^"']+)""", html)
    assert addresses
    for address in addresses:
        assert address.startswith("/static/"), address
        assert client.get(address).status_code == 200, address
    assert "default-src 'none'" in answer["Content-Security-Policy"]
