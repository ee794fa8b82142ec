"""What a request can do wrong before it reaches a rule of the business.

Each code is a class, so that `voltop.errors.all_error_classes` lists it; fields take their texts
from here as well (`texts`). Not here: rules of an app (`<app>/errors.py`).
"""

from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError, Text


class RequestError(DomainError):
    """A request that is wrong in itself, whatever the state of the house."""

    status = 400


def texts(*classes: type[DomainError]) -> dict[str, Text]:
    """The `default_error_messages` of a field that may fail with these codes."""
    return {cls.code: cls.message for cls in classes}


# --- The body as a whole -------------------------------------------------------------------------
class BadRequest(RequestError):
    code = "bad_request"
    message = _("This request cannot be understood.")


class BodyRequired(RequestError):
    code = "body_required"
    message = _("Send a JSON object as the body.")


class BodyTooLarge(RequestError):
    code = "body_too_large"
    status = 413
    message = _("The body is larger than this route takes.")


class BodyTooSlow(RequestError):
    """`extra.limit_s` is the time within which the whole body has to arrive."""

    code = "body_too_slow"
    status = 408
    message = _("The body did not arrive in time.")


class UrlTooLong(RequestError):
    code = "url_too_long"
    status = 414
    message = _("The address is too long.")


class HeadersTooLarge(RequestError):
    """`extra` tells limit_bytes and limit_headers."""

    code = "headers_too_large"
    status = 431
    message = _("The request's headers are too many or too large.")


class UnsupportedMediaType(RequestError):
    code = "unsupported_media_type"
    status = 415
    message = _("Send the body as application/json.")


class UnsupportedCharset(RequestError):
    code = "unsupported_charset"
    status = 415
    message = _("Send the body as UTF-8.")


class UnsupportedEncoding(RequestError):
    code = "unsupported_encoding"
    status = 415
    message = _("This route does not take this Content-Encoding.")


class BadGzip(RequestError):
    code = "bad_gzip"
    message = _("The body is not a complete gzip stream.")


class InvalidUtf8(RequestError):
    code = "invalid_utf8"
    message = _("This is not valid UTF-8.")


class MalformedJson(RequestError):
    code = "malformed_json"
    message = _("The body is not valid JSON.")


class NestingTooDeep(RequestError):
    code = "nesting_too_deep"
    message = _("The body is nested too deeply.")


class DuplicateKey(RequestError):
    code = "duplicate_key"
    message = _("The same key stands twice in one object.")


class NumberNotFinite(RequestError):
    code = "number_not_finite"
    message = _("Only finite numbers are accepted.")


class NumberTooLong(RequestError):
    code = "number_too_long"
    message = _("This number has too many digits.")


class ObjectExpected(RequestError):
    code = "object_expected"
    message = _("A JSON object is expected here.")


class ListExpected(RequestError):
    code = "list_expected"
    message = _("A JSON array is expected here.")


class UnknownField(RequestError):
    code = "unknown_field"
    message = _("There is no such field here.")


class InvalidInput(RequestError):
    """Several things are wrong at once; `errors` names each."""

    code = "invalid_input"
    message = _("Some of the input is not valid: see errors.")


# --- Text ----------------------------------------------------------------------------------------
class NullCharacters(RequestError):
    code = "null_characters_not_allowed"
    message = _("Null characters are not allowed.")


class Surrogates(RequestError):
    code = "surrogates_not_allowed"
    message = _("Half of a surrogate pair is not text.")


class ControlCharacters(RequestError):
    code = "control_characters"
    message = _("Control and text-direction characters are not allowed.")


class CombiningMarks(RequestError):
    code = "combining_marks"
    message = _("Too many combining marks on one letter.")


class StringExpected(RequestError):
    code = "string_expected"
    message = _("A string is expected here.")


class Blank(RequestError):
    code = "blank"
    message = _("This may not be blank.")


class TooLong(RequestError):
    code = "too_long"
    message = _("This is too long.")


class TooShort(RequestError):
    code = "too_short"
    message = _("This is too short.")


class InvalidEmail(RequestError):
    code = "invalid_email"
    message = _("This is not an e-mail address.")


class InvalidUrl(RequestError):
    code = "invalid_url"
    message = _("This is not an http or https address.")


# --- Other values --------------------------------------------------------------------------------
class Required(RequestError):
    code = "required"
    message = _("This field is required.")


class NullNotAllowed(RequestError):
    code = "null"
    message = _("This field may not be null.")


class InvalidValue(RequestError):
    code = "invalid"
    message = _("This value is not valid.")


class BooleanExpected(RequestError):
    code = "boolean_expected"
    message = _("true or false is expected here.")


class UuidExpected(RequestError):
    code = "uuid_expected"
    message = _("A UUID is expected here.")


class InvalidBase64(RequestError):
    code = "invalid_base64"
    message = _("Send the bytes as base64.")


class InvalidNumber(RequestError):
    code = "invalid_number"
    message = _("This is not a number of the kind expected here.")


class OutOfRange(RequestError):
    code = "out_of_range"
    message = _("This number is out of range.")


class AmountMustBeString(RequestError):
    code = "amount_must_be_string"
    message = _('Send amounts as strings, like "12.50".')


class InvalidChoice(RequestError):
    code = "invalid_choice"
    message = _("This is not one of the choices.")


class TooManyItems(RequestError):
    code = "too_many_items"
    message = _("There are too many items here.")


class TooFewItems(RequestError):
    code = "too_few_items"
    message = _("There are too few items here.")


class ObjectNotFound(RequestError):
    """A relation in a body that names nothing of the caller's: one text for every reason."""

    code = "object_not_found"
    message = _("There is no such object.")


class InvalidInstant(RequestError):
    code = "invalid_datetime"
    message = _("Send an RFC 3339 time like 2026-03-01T08:30:00Z.")


class OffsetRequired(RequestError):
    code = "offset_required"
    message = _("Send the time with its offset, like 2026-03-01T08:30:00-08:00.")


class InstantOutOfRange(RequestError):
    code = "datetime_out_of_range"
    message = _("This time or its offset is out of range.")


class InvalidDate(RequestError):
    code = "invalid_date"
    message = _("Send a date like 2026-03-01.")


class DateOutOfRange(RequestError):
    code = "date_out_of_range"
    message = _("This date is out of range.")


class InvalidTime(RequestError):
    code = "invalid_time"
    message = _("Send a time of day like 08:30.")


class InvalidRange(RequestError):
    code = "invalid_range"
    message = _("The end must come after the start, and not too long after.")


# --- Query and headers ---------------------------------------------------------------------------
class UnknownParameter(RequestError):
    code = "unknown_parameter"
    message = _("There is no such query parameter here.")


class DuplicateParameter(RequestError):
    code = "duplicate_parameter"
    message = _("This query parameter stands twice.")


class UnknownOrdering(RequestError):
    code = "unknown_ordering"
    message = _("This list cannot be ordered like this.")


class LimitOutOfRange(RequestError):
    code = "limit_out_of_range"
    message = _("A page holds 1 to 200 items.")


class BadCursor(RequestError):
    code = "bad_cursor"
    message = _("This cursor does not belong to this list: start from its beginning.")


class SearchTooLong(RequestError):
    code = "search_too_long"
    message = _("Search for at most 5 words and 100 characters.")


class IdempotencyKeyRequired(RequestError):
    code = "idempotency_key_required"
    message = _("Send an Idempotency-Key with this request.")


class IdempotencyKeyInvalid(RequestError):
    code = "idempotency_key_invalid"
    message = _("An Idempotency-Key is 1 to 255 printable ASCII characters.")


class IdempotencyKeyRefused(RequestError):
    code = "idempotency_key_refused"
    message = _("This route answers with secrets and takes no Idempotency-Key.")


class IdempotencyKeyReused(RequestError):
    code = "idempotency_key_reused"
    status = 422
    message = _("This Idempotency-Key was used for another request.")


class IdempotencyInProgress(DomainError):
    code = "idempotency_in_progress"
    message = _("The first request with this Idempotency-Key is still running.")


class UnknownOfflineKind(RequestError):
    """`extra.known` lists the kinds of events that a phone may send."""

    code = "unknown_offline_kind"
    message = _("A phone may not queue this kind of event.")


class EventInFuture(DomainError):
    """By more than five minutes, also by the phone's clock put right."""

    code = "event_in_future"
    message = _("This has not happened yet: the phone's clock is wrong.")


class EventTooOld(DomainError):
    """`extra.oldest_h` is how many hours ago such an event may have happened."""

    code = "event_too_old"
    message = _("This happened too long ago to be taken from a phone: tell the office.")


class IfMatchInvalid(RequestError):
    code = "if_match_invalid"
    message = _('If-Match takes one ETag as it was given, like "3".')


# --- Route, limits, database ---------------------------------------------------------------------
class MethodNotAllowed(RequestError):
    code = "method_not_allowed"
    status = 405
    message = _("This route does not take this method.")


class Throttled(DomainError):
    code = "throttled"
    status = 429
    message = _("Too many requests: wait.")


class Conflict(DomainError):
    code = "conflict"
    message = _("This is taken, or clashes with something that exists.")


class CheckFailed(RequestError):
    code = "check_failed"
    message = _("These values do not go together.")


class AppendOnly(DomainError):
    code = "append_only"
    constraints = ("append_only",)
    message = _("These records are never changed or deleted.")


class InUse(DomainError):
    code = "in_use"
    message = _("Other records refer to this: it stays.")


class TryAgain(DomainError):
    """The database gave up on this transaction in favour of another one (40001, 40P01)."""

    code = "try_again"
    status = 503
    message = _("This met another change at the same moment: try again.")


class TimedOut(DomainError):
    code = "timed_out"
    status = 503
    message = _("This took too long and was given up: try again.")


class DatabaseUnavailable(DomainError):
    code = "database_unavailable"
    status = 503
    message = _("The database cannot be reached right now: try again.")


class InternalError(DomainError):
    code = "internal_error"
    status = 500
    message = _("Something broke on our side. Tell us the request id.")
