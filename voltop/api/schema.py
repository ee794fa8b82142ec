"""The OpenAPI description, drawn from the views' own declarations.

What a view declares (permissions, inputs, outputs, statuses, errors, idempotency) is what its
operation says; nothing is described twice. Not here: the served pages (`voltop.api.urls`).
"""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from django.apps import apps
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.serializers import (
    BaseSerializer,
    ChoiceField,
    ListSerializer,
    PrimaryKeyRelatedField,
)

from voltop import registry
from voltop.api import errors
from voltop.api.examples import example_of
from voltop.api.fields import INT4_MAX, INT8_MAX
from voltop.api.filters import has_updated_at
from voltop.api.permissions import ANYONE, PERSON, SIGNED_IN, scopes_that_open
from voltop.api.views import TAKE_A_BODY, takes_nothing
from voltop.errors import (
    DomainError,
    LockBusy,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    StaleVersion,
)
from voltop.exports import CONTENT_TYPES, FORMS, ExportTooLarge, TooManyExports

PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem document: the one shape of every answer of 400 and above.",
    "required": ["type", "title", "status", "code", "detail", "errors", "extra", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "description": "Stable; see docs/errors.md."},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/ProblemError"}},
        "extra": {"type": "object", "additionalProperties": True},
        "request_id": {"type": "string"},
    },
}
PROBLEM_ERROR = {
    "type": "object",
    "description": "What is wrong with one field of a request.",
    "required": ["field", "code", "detail"],
    "properties": {
        "field": {"type": "string", "description": "Dotted path; may be empty."},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}
SECURITY_SCHEMES: dict[str, dict[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "Access token of a person, from POST /api/v1/auth/token.",
    },
    "oauth2": {
        "type": "oauth2",
        "description": "Integrators: client credentials, with scopes per module.",
        "flows": {"clientCredentials": {"tokenUrl": "/api/v1/oauth/token", "scopes": {}}},
    },
}
COMMON_ERRORS: tuple[type[DomainError], ...] = (errors.BadRequest, errors.Throttled, LockBusy)
BODY_ERRORS = (errors.BodyTooLarge, errors.UnsupportedMediaType)
ID_BOUNDS = {"minimum": 1, "maximum": INT8_MAX}
WHOLE_NUMBER = re.compile(r"\^\[0-9\]\{1,[0-9]+\}\$")
"""How the addresses of resources say that a part of theirs is an id."""
SUCCESS = {"create": 201, "destroy": 204}
VERBS = {"retrieve": "show", "partial": "change", "destroy": "delete"}


class VoltopAutoSchema(AutoSchema):
    """One operation of a view of ours."""

    view: Any

    @property
    def action(self) -> str:
        action: str | None = getattr(self.view, "action", None)
        return action or self.method.lower()

    @property
    def permission(self) -> str:
        return str(self.view.permissions[self.action])

    def get_operation_id(self) -> str:
        name = getattr(self.view, "basename", None)
        if name:
            return f"{name}_{self.action}".replace("-", "_")
        tokens = [token.replace("-", "_") for token in self._tokenize_path()]
        if len(self.view.permissions) > 1:
            tokens.append(self.action)
        return "_".join(tokens)

    def get_summary(self) -> str:
        """A line for lists of operations: what is done, to what."""
        verb, _, rest = self.action.partition("_")
        words = f"{VERBS.get(verb, verb)} {rest}".replace("_", " ").strip().capitalize()
        model = getattr(getattr(self.view, "queryset", None), "model", None)
        if model is None:
            path = [part for part in self.path.split("/")[3:] if part and "{" not in part]
            return f"{words}: {' '.join(path).replace('-', ' ')}"
        names = (
            model._meta.verbose_name_plural if self._is_list_view() else model._meta.verbose_name
        )
        return f"{words}: {names}"

    def get_tags(self) -> list[str]:
        return [self.view.__class__.__module__.partition(".")[0]]

    def get_auth(self) -> list[dict[str, list[str]]]:
        if self.permission == ANYONE:
            return []
        person: dict[str, list[str]] = {"bearer": []}
        if self.permission == PERSON:
            return [person]
        if self.permission == SIGNED_IN:
            return [person, {"oauth2": []}]
        return [person, *({"oauth2": [scope]} for scope in self.scopes())]

    def scopes(self) -> list[str]:
        """The client scopes that open this, each on its own; without any it is for people only."""
        return scopes_that_open(self.permission)

    def get_extensions(self) -> dict[str, Any]:
        codes = sorted({error.code for error in self.error_classes()})
        return {"x-permission": self.permission, "x-error-codes": codes}

    # --- Input -----------------------------------------------------------------------------------
    def get_request_serializer(self) -> Any:
        return self.view.input_serializers.get(self.action)

    def _get_request_body(self, direction: str = "request") -> dict[str, Any] | None:
        if self.method not in TAKE_A_BODY:
            return None
        serializer = self.get_request_serializer()
        if serializer is None:
            return None  # an object without fields is taken, but nobody needs to know
        body: dict[str, Any] | None = super()._get_request_body(direction)
        return body and {**body, "required": not takes_nothing(serializer)}

    def _map_serializer(
        self, serializer: Any, direction: str, bypass_extensions: bool = False
    ) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_serializer(serializer, direction, bypass_extensions)
        if schema.get("type") == "object":
            if direction == "request":
                schema["additionalProperties"] = False
            if hasattr(serializer, "schema_example"):
                schema["example"] = serializer.schema_example
        if direction == "response" and "properties" in schema:
            parts = {name: _as_answered(part) for name, part in schema["properties"].items()}
            for name, value in getattr(serializer, "schema_values", {}).items():
                if name in parts:
                    parts[name] = _with_example(parts[name], value)
            schema["properties"] = parts
        return schema

    def _map_serializer_field(
        self, field: Any, direction: str, bypass_extensions: bool = False
    ) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_serializer_field(field, direction, bypass_extensions)
        if isinstance(field, PrimaryKeyRelatedField):
            schema = {**schema, **ID_BOUNDS, "x-relation": True}
        if direction == "request" and "default" in schema and not _takes(field, schema["default"]):
            del schema["default"]  # what stands for nothing here, and is refused when sent
        if direction == "response" and "enum" in schema and _may_be_blank(field):
            schema["enum"] = [*schema["enum"], ""]
        return schema

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super()._resolve_path_parameters(variables)
        for parameter in parameters:
            schema = parameter["schema"]
            if schema.get("type") == "integer" or WHOLE_NUMBER.fullmatch(schema.get("pattern", "")):
                parameter["schema"] = {"type": "integer", **ID_BOUNDS}
            else:
                schema["maxLength"] = 200
        return parameters

    def get_override_parameters(self) -> list[Any]:
        parameters = list(self._header_parameters())
        if self._is_list_view():
            parameters += self._list_parameters()
        for name, schema in self.view.query_parameters.get(self.action, {}).items():
            parameters.append(OpenApiParameter(name, schema, OpenApiParameter.QUERY))
        return parameters

    def _header_parameters(self) -> Iterable[OpenApiParameter]:
        if self.view.needs_provider and self.permission != ANYONE:
            yield OpenApiParameter(
                "X-Voltop-Provider",
                {"type": "integer", **ID_BOUNDS},
                OpenApiParameter.HEADER,
                description="The provider to act for; needed by callers who have joined several.",
            )
        if self.action in self.view.conditional:
            yield OpenApiParameter(
                "If-None-Match",
                {"type": "string", "maxLength": 200},
                OpenApiParameter.HEADER,
                description="The ETag read before: 304 if it is still so.",
            )
        mode = self._idempotency()
        if self.method == "POST" and mode != "refused":
            yield OpenApiParameter(
                "Idempotency-Key",
                {"type": "string", "minLength": 1, "maxLength": 255},
                OpenApiParameter.HEADER,
                required=mode == "required",
                description="Makes the request safe to repeat: it is done once, answered alike.",
            )
        if self.get_request_serializer() is not None:
            yield OpenApiParameter(
                "Prefer",
                {"type": "string", "maxLength": 100, "example": "handling=lenient"},
                OpenApiParameter.HEADER,
                description="handling=lenient: unknown fields are ignored and named in `warnings`"
                " beside the answer, instead of a 400.",
            )
        if self.method in ("PATCH", "PUT", "DELETE"):
            yield OpenApiParameter(
                "If-Match",
                {"type": "string", "maxLength": 40},
                OpenApiParameter.HEADER,
                description="The ETag read before: 412 if somebody changed the object since.",
            )

    def _idempotency(self) -> str:
        mode = self.view.idempotency
        return str(mode.get(self.action, "accepted") if isinstance(mode, dict) else mode)

    def _list_parameters(self) -> list[OpenApiParameter]:
        view = self.view
        text = "All rows of the list as a file instead of a page; without cursor and page_size."
        found = [OpenApiParameter("export", str, enum=list(FORMS), description=text)]
        if view.ordering_fields:
            choices = [f"{sign}{name}" for name in view.ordering_fields for sign in ("", "-")]
            found.append(OpenApiParameter("ordering", str, enum=choices))
        if view.search_fields:
            schema = {"type": "string", "minLength": 1, "maxLength": 100}
            found.append(OpenApiParameter("search", schema, description="Up to five words."))
        if has_updated_at(view):
            schema = {"type": "string", "format": "date-time"}
            text = "Rows changed since then; the answer's next_since is what to send next time."
            found.append(OpenApiParameter("updated_since", schema, description=text))
        return found

    # --- Output ----------------------------------------------------------------------------------
    def _is_list_view(self, serializer: Any = None) -> bool:
        return self._is_page() or isinstance(serializer, ListSerializer)

    def _is_page(self) -> bool:
        return self.action in getattr(self.view, "list_actions", ())

    def _get_paginator(self) -> Any:
        """What is a list and no page (few rows, all at once) stays one."""
        return super()._get_paginator() if self._is_page() else None

    def get_response_serializers(self) -> Any:
        status = self.view.statuses.get(self.action) or SUCCESS.get(self.action, 200)
        statuses = status if isinstance(status, tuple) else (status,)
        return {each: self._output_serializer() for each in statuses}

    def _output_serializer(self) -> type[BaseSerializer] | dict[str, Any] | None:
        if self.action in self.view.output_serializers:
            return self.view.output_serializers[self.action]
        return getattr(self.view, "serializer_class", None)

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction)
        if self._is_list_view() and "200" in responses:
            file = {"schema": {"type": "string"}, "example": "id,status\r\n17,active\r\n"}
            workbook = {"schema": {"type": "string", "format": "binary"}, "example": "PK…"}
            content = responses["200"].setdefault("content", {})
            content |= {"text/csv": file, CONTENT_TYPES["xlsx"]: workbook}
        if kinds := self.view.files.get(self.action):
            file = {"schema": {"type": "string", "format": "binary"}, "example": "…"}
            responses["200"]["content"] = dict.fromkeys(kinds, file)
        if self.action in self.view.conditional:
            responses["304"] = {"description": "As it was: no body."}
        by_status: dict[int, list[str]] = {}
        for error in self.error_classes():
            by_status.setdefault(error.status, []).append(error.code)
        for status, codes in sorted(by_status.items()):
            responses[str(status)] = {
                "description": f"{HTTPStatus(status).phrase}: {', '.join(sorted(codes))}",
                "content": {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                },
            }
        return responses

    def error_classes(self) -> list[type[DomainError]]:
        """Every error that the operation names: its own, and those of what it uses."""
        found = [*COMMON_ERRORS, *self.view.errors.get(self.action, ())]
        if self.permission != ANYONE:
            found += [NotAuthenticated, PermissionDenied]
        if "{" in self.path or (self.view.needs_provider and self.permission != ANYONE):
            found.append(NotFound)
        if self._is_list_view():
            found += [ExportTooLarge, TooManyExports]
        if self.method in TAKE_A_BODY:
            found += BODY_ERRORS
        if self.method in ("PATCH", "PUT", "DELETE"):
            found.append(StaleVersion)
        if self.method == "POST" and self._idempotency() != "refused":
            found += [errors.IdempotencyKeyReused, errors.IdempotencyInProgress]
        return list(dict.fromkeys(found))


def complete_schema(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Spectacular's post-processing: shared components, scopes, and an example everywhere."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {}).update(Problem=PROBLEM, ProblemError=PROBLEM_ERROR)
    scopes: dict[str, str] = {}
    for operations in result["paths"].values():
        for operation in operations.values():
            for requirement in operation.get("security", []):
                scopes |= {name: _scope_text(name) for name in requirement.get("oauth2", [])}
            _add_examples(operation, components["schemas"])
    components["securitySchemes"] = {**SECURITY_SCHEMES}
    oauth2 = SECURITY_SCHEMES["oauth2"]
    flow = {"tokenUrl": "/api/v1/oauth/token", "scopes": dict(sorted(scopes.items()))}
    components["securitySchemes"]["oauth2"] = {**oauth2, "flows": {"clientCredentials": flow}}
    _say_int64(result)
    return result


def _as_answered(schema: dict[str, Any]) -> dict[str, Any]:
    """Shapes of answers are apart from those of requests: in them everything is only read, and
    nothing is filled in.

    Said of each field, generated clients would leave it out when they write an answer down.
    """
    schema = {name: part for name, part in schema.items() if name not in ("readOnly", "default")}
    return schema["allOf"][0] if schema.keys() == {"allOf"} else schema


def _with_example(schema: dict[str, Any], value: Any) -> dict[str, Any]:
    """A part with an example of its own; what refers to a component keeps apart from it."""
    return {**({"allOf": [schema]} if "$ref" in schema else schema), "example": value}


def _may_be_blank(field: Any) -> bool:
    """Whether a choice that is shown may be none: so says the column, which is empty then."""
    model = getattr(getattr(field.parent, "Meta", None), "model", None)
    if model is None or not isinstance(field, ChoiceField):
        return False
    columns = {column.name: column for column in model._meta.concrete_fields}
    return field.source in columns and columns[field.source].blank


def _takes(field: Any, default: Any) -> bool:
    """Whether a field takes its own default, as generated clients send it."""
    try:
        field.run_validation(default)
    except ValidationError:
        return False
    return True


def _say_int64(part: Any) -> None:
    """Name the width of whole numbers beyond 32 bits: without it clients of several languages
    take them for 32."""
    if isinstance(part, list):
        for item in part:
            _say_int64(item)
    if not isinstance(part, dict):
        return
    kind = part.get("type")
    is_whole = kind == "integer" or (isinstance(kind, list) and "integer" in kind)
    if is_whole and part.get("maximum", INT8_MAX) > INT4_MAX:
        part.setdefault("format", "int64")
    for name, value in part.items():
        if name not in ("example", "examples"):
            _say_int64(value)


def _scope_text(scope: str) -> str:
    """What a client with this scope may do, by the permissions that it opens."""
    module = scope.partition(":")[0].partition(".")[0]
    declared = registry.collect(registry.API_SCOPES)
    opened = next((found()[scope] for found in declared.values() if scope in found()), ())
    models = {model._meta.model_name: model for model in apps.get_app_config(module).get_models()}
    named: dict[str, list[str]] = {}
    for codename in sorted(opened):
        verb, _, rest = codename.partition("_")
        model = models.get(rest)
        what = str(model._meta.verbose_name_plural) if model else rest.replace("_", " ")
        named.setdefault(verb, []).append(what)
    return "; ".join(f"{verb} {', '.join(whats)}" for verb, whats in named.items()).capitalize()


def _add_examples(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    bodies = [operation.get("requestBody", {})]
    bodies += [body for status, body in operation["responses"].items() if status < "300"]
    for body in bodies:
        for content in body.get("content", {}).values():
            if "example" not in content and "examples" not in content:
                content["example"] = example_of(content["schema"], schemas)
