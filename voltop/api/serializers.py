"""Strict serializers: an unknown field is an error, and types are what the schema says.

Input and output are apart: input serializers list what may be sent, output serializers (usually a
ModelSerializer) what is shown. They hold shapes; rules live in services. Uniqueness is the
database's business (409 by the constraint's name), never a query here that could tell tenants of
one another.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any

from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import empty
from rest_framework.validators import UniqueValidator

from voltop.api import errors, fields
from voltop.errors import DomainError

MAX_UNKNOWN_SHOWN = 20


class StrictMixin:
    """What every serializer of the house shares."""

    def run_validation(self: Any, data: Any = empty) -> Any:
        if data is None and self.parent is None:
            raise _refusal_of_whole(errors.ObjectExpected)
        return super().run_validation(data)  # type: ignore[misc]

    def to_internal_value(self: Any, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise _refusal_of_whole(errors.ObjectExpected)
        unknown = self._unknown(data)
        try:
            values = super().to_internal_value(data)  # type: ignore[misc]
        except ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise ValidationError({**unknown, **error.detail}) from error
            raise
        if unknown:
            raise ValidationError(unknown)
        return values

    def _unknown(self: Any, data: Mapping[str, Any]) -> dict[str, list[ErrorDetail]]:
        """A refusal for each key that is no writable field; a lenient caller is only told."""
        writable = {field.field_name for field in self._writable_fields}
        extra = [key for key in data if key not in writable]
        if extra and self.context.get("lenient"):
            before = place_of(self)
            self.context["ignored"] += [".".join([*before, str(key)[:100]]) for key in extra]
            return {}
        text = str(errors.UnknownField.message)
        shown = extra[:MAX_UNKNOWN_SHOWN]
        return {key[:100]: [ErrorDetail(text, code=errors.UnknownField.code)] for key in shown}


def place_of(field: Any) -> list[str]:
    """Where in the body a field stands: names, and positions in arrays."""
    place: list[str] = []
    while field.parent is not None:
        if field.field_name:
            place.insert(0, field.field_name)
        elif isinstance(field.parent, fields.StrictListField):
            place.insert(0, str(field.parent.index))
        field = field.parent
    return place


def _refusal_of_whole(error_class: type[DomainError]) -> ValidationError:
    detail = ErrorDetail(str(error_class.message), code=error_class.code)
    return ValidationError({"non_field_errors": [detail]})


class Serializer(StrictMixin, serializers.Serializer):
    """A shape of one's own: inputs, actions, computed answers."""


class ReasonSerializer(Serializer):
    """The body of a move; the reason is needed where the move takes something away."""

    reason = fields.StrictCharField(max_length=500, required=False, allow_blank=True)


class ModelSerializer(StrictMixin, serializers.ModelSerializer):
    """The shape of a model, its fields listed one by one; relations show and take ids."""

    serializer_field_mapping = {
        models.AutoField: fields.StrictIntegerField,
        models.BigAutoField: fields.StrictIntegerField,
        models.SmallIntegerField: fields.StrictIntegerField,
        models.IntegerField: fields.StrictIntegerField,
        models.BigIntegerField: fields.StrictIntegerField,
        models.PositiveSmallIntegerField: fields.StrictIntegerField,
        models.PositiveIntegerField: fields.StrictIntegerField,
        models.PositiveBigIntegerField: fields.StrictIntegerField,
        models.BooleanField: fields.StrictBooleanField,
        models.CharField: fields.StrictCharField,
        models.TextField: fields.StrictCharField,
        models.EmailField: fields.EmailField,
        models.URLField: fields.UrlField,
        models.UUIDField: fields.StrictUUIDField,
        models.DateField: fields.DateField,
        models.DateTimeField: fields.InstantField,
        models.TimeField: fields.TimeField,
        models.DecimalField: fields.StrictDecimalField,
        models.FloatField: fields.StrictFloatField,
        models.JSONField: fields.ObjectField,
    }
    serializer_choice_field = fields.StrictChoiceField

    def build_field(self, *args: Any) -> Any:
        """The API speaks of fields by their names; their words are for the admin's pages."""
        field_class, options = super().build_field(*args)
        options.pop("label", None)
        return field_class, options

    serializer_related_field = fields.ProviderRelatedField

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        meta = getattr(cls, "Meta", None)
        if meta is not None and not isinstance(getattr(meta, "fields", None), (tuple, list)):
            raise TypeError(f"{cls.__name__}: list Meta.fields one by one")

    def get_validators(self) -> list[Any]:
        return []

    def build_standard_field(self, field_name: str, model_field: Any) -> tuple[Any, dict[str, Any]]:
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        validators = [v for v in kwargs.pop("validators", []) if not isinstance(v, UniqueValidator)]
        if validators:
            kwargs["validators"] = validators
        kwargs |= _bounds(field_class, model_field, kwargs)
        for name in ("style", "encoder", "decoder"):
            kwargs.pop(name, None)
        return field_class, kwargs

    def include_extra_kwargs(
        self, kwargs: MutableMapping[str, Any], extra_kwargs: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Keep the bounds of read-only fields, which DRF drops: the schema names them too."""
        bounds = {
            name: kwargs[name]
            for name in ("max_length", "min_value", "max_value")
            if name in kwargs
        }
        merged = super().include_extra_kwargs(kwargs, extra_kwargs)
        return {**bounds, **merged}


def _bounds(field_class: type, model_field: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The limits that a strict field wants and the model implies."""
    if issubclass(field_class, fields.StrictCharField):
        length = getattr(model_field, "max_length", None) or 10_000
        bounds: dict[str, Any] = {"max_length": length}
        if field_class is fields.StrictCharField:
            bounds["multiline"] = isinstance(model_field, models.TextField)
        return bounds
    if issubclass(field_class, fields.StrictIntegerField):
        big = isinstance(model_field, (models.BigIntegerField, models.BigAutoField))
        return {"max_value": given.get("max_value", fields.INT8_MAX if big else fields.INT4_MAX)}
    if issubclass(field_class, fields.StrictFloatField):
        return {name: given.get(name, sign * 1e15) for name, sign in _FLOAT_BOUNDS}
    return {}


_FLOAT_BOUNDS = (("min_value", -1), ("max_value", 1))
