"""Relations in a body: only rows of the caller's provider can be named."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from rest_framework import serializers

from voltop.api import errors
from voltop.api.fields.numbers import INT8_MAX
from voltop.api.fields.refusal import refusal


class ProviderRelatedField(serializers.PrimaryKeyRelatedField):
    """The id of a row of the active provider.

    Absent, another provider's, out of range or no integer at all: one refusal with one text,
    `object_not_found`. Without a provider nothing can be named. The queryset may be narrowed
    further by `queryset=…`; it must know `for_provider`.
    """

    _known: dict[int, models.Model] | None = None

    def look_up(self, values: Iterable[Any]) -> None:
        """Fetch what these values name in one query; later values are judged by it alone."""
        ids = {value for value in values if type(value) is int and 0 < value <= INT8_MAX}
        self._known = self.get_queryset().in_bulk(ids) if ids else {}

    def get_queryset(self) -> models.QuerySet:
        rows: Any = self.__dict__["queryset"]  # (as given, not as a manager of this class)
        found: models.QuerySet = rows.all().for_provider(self.context["request"].user.provider_id)
        return found

    def to_internal_value(self, data: Any) -> models.Model:
        if type(data) is not int or not 0 < data <= INT8_MAX:
            raise refusal(errors.ObjectNotFound)
        if self._known is not None:
            found = self._known.get(data)
        else:
            found = self.get_queryset().filter(pk=data).first()
        if found is None:
            raise refusal(errors.ObjectNotFound)
        return found
