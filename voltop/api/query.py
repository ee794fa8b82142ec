"""Query parameters, read strictly: valid UTF-8, no forbidden characters, each at most once."""

from urllib.parse import parse_qsl

from django.http import HttpRequest

from voltop.api import errors
from voltop.api.walk import check_text

MAX_PARAMETERS = 50


def read_query(request: HttpRequest) -> dict[str, str]:
    """The query string as a plain dict.

    Raises InvalidUtf8, NullCharacters, Surrogates, ControlCharacters, DuplicateParameter,
    BadRequest (more than 50 parameters); `field` is the parameter's name.
    """
    raw = request.META.get("QUERY_STRING", "")
    if not raw:
        return {}
    if not raw.isascii():
        raise errors.InvalidUtf8()
    try:
        pairs = parse_qsl(
            raw, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except UnicodeDecodeError as error:
        raise errors.InvalidUtf8() from error
    except ValueError as error:
        raise errors.BadRequest() from error
    parameters: dict[str, str] = {}
    for name, value in pairs:
        check_text(name)
        check_text(value, field=name)
        if name in parameters:
            raise errors.DuplicateParameter(field=name)
        parameters[name] = value
    return parameters


def refuse_unknown(parameters: dict[str, str], known: set[str]) -> None:
    """Raise UnknownParameter for the first parameter that nobody asked for."""
    for name in parameters:
        if name not in known:
            raise errors.UnknownParameter(field=name[:100])
