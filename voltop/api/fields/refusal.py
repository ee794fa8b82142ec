"""How a field says no: with the code and text of an error class."""

from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError

from voltop.errors import DomainError


def refusal(error_class: type[DomainError]) -> ValidationError:
    """To be raised in a field being validated: the code and text of an error class."""
    return ValidationError(str(error_class.message), code=error_class.code)


def refusal_as(error: DomainError) -> ValidationError:
    """A domain error met inside a field, as that field's refusal, its own `field` below it."""
    detail: Any = [ErrorDetail(str(error.detail), code=error.code)]
    return ValidationError({error.field: detail} if error.field else detail)
