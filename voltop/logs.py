"""Log lines: JSON, one per line, with an allow-list of keys and nothing that people have typed.

A line has `at`, `level`, `logger`, `event`, whose words are written in the code, and of further
keys only those of `KEYS`. What a call wants to put into its text (`logger.info("… %s", x)`) is
left out unless it is a number, a UUID or a name of ours (`SAFE`); so are texts and locals of
exceptions: their class and where they were raised are kept. Values are cut, line breaks escaped.

Request lines come from django-structlog, whose context (request id, task id, opaque ids of user
and provider) goes with a task into the worker. Addresses are logged as routes, without what
stands in them: an external reference or a search may be a name.
"""

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django_structlog.middlewares import RequestMiddleware

from voltop.context import current_request_id
from voltop.metrics import RESPONSES

logger = logging.getLogger(__name__)

KEYS = frozenset(
    {
        "request_id", "task_id", "parent_task_id", "user_id", "provider_id", "request", "code",
        "ms", "task", "child_task_id", "child_task_name", "routing_key", "duration_ms", "error",
        "losses", "due", "kind", "chain", "n", "hash", "worker", "expired", "signame", "count",
    }
)  # fmt: skip
"""Whatever else is bound or handed over is dropped."""
SAFE = re.compile(r"[A-Za-z0-9 _.:/\[\],<>{}()?|+*^$=\\-]{0,300}")
"""What a value of an allowed key may look like; the code that binds it answers for its meaning."""
NAME_OF_OURS = re.compile(
    r"[a-z][a-z0-9]*([_.][a-z0-9]+)+(\[[0-9a-f,\"-]*\])?"  # payments.pay[7], not_found
    r"|[A-Z][A-Za-z]+(Error|Exception|Timeout|Lost|Violation|Failed)"
    r"|[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
"""What a value put into a text may look like: no name of a person, no number of an account."""
MAX_CHARS = 300
LEFT_OUT = "…"
OURS = ("voltop", "fleets", "drivers", "vehicles", "chat", "telemetry", "shifts", "reservations",
        "payments", "django_structlog")  # fmt: skip
CONVERSION = re.compile(r"%[-#0 +]*\d*(?:\.\d+)?[dioxXeEfFgGra]")
NOT_LOGGED = ("request_started", "task_enqueued", "task_started")


class JsonFormatter(logging.Formatter):
    """Both our own lines and structlog's, as one JSON object each."""

    def format(self, record: logging.LogRecord) -> str:
        values: dict[str, Any] = {}
        exc_info = record.exc_info
        event: Any
        if isinstance(record.msg, dict):  # structlog's
            values = dict(record.msg)
            event = values.pop("event", "")
            exc_info = sys.exc_info() if values.pop("exc_info", None) else None
        else:
            event = _message(record)
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": str(event)[:MAX_CHARS],
        }
        values = {**structlog.contextvars.get_contextvars(), **vars(record), **values}
        values.setdefault("request_id", current_request_id())
        line |= {key: _safe(values[key]) for key in KEYS & values.keys() if values[key] != ""}
        if exc_info and exc_info[0] is not None:
            line |= _raised(exc_info)
        return json.dumps(line, ensure_ascii=True)


def _message(record: logging.LogRecord) -> str:
    """The text of the code with harmless values put in, and none of the others."""
    text, args = str(record.msg), record.args
    if not args:
        return text if record.name.partition(".")[0] in OURS else _words(text)
    try:
        if isinstance(args, Mapping):
            return text % {key: _harmless(value) for key, value in args.items()}
        return CONVERSION.sub("%s", text) % tuple(map(_harmless, args))
    except (TypeError, ValueError, KeyError):
        return _words(text)


def _words(text: str) -> str:
    """A ready-made text of somebody else's code: its first line, if it can hold no value."""
    first = text.splitlines()[0] if text else ""
    return first if re.fullmatch(r"[A-Za-z .,:;()'-]{0,120}", first) else LEFT_OUT


def _harmless(value: Any) -> Any:
    if isinstance(value, bool | int | float | UUID):
        return value
    text = str(value)
    return text if NAME_OF_OURS.fullmatch(text) else LEFT_OUT


def _safe(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | UUID):
        return value if not isinstance(value, UUID) else str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    return text[:MAX_CHARS] if SAFE.fullmatch(text) else LEFT_OUT


def _raised(exc_info: Any) -> dict[str, Any]:
    """The class of an exception and where it came from; never its text, which may quote a row."""
    kind, error, trace = exc_info
    frames = traceback.extract_tb(trace)[-8:]
    places = [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames
    ]
    cause = getattr(error, "__cause__", None)
    return {
        "exception": kind.__name__,
        "caused_by": type(cause).__name__ if cause is not None else None,
        "raised_at": places,
    }


class QuietStarts(logging.Filter):
    """Starts are not logged: the end has all of it, with the time it took."""

    def filter(self, record: logging.LogRecord) -> bool:
        msg = record.msg
        return not (isinstance(msg, dict) and msg.get("event") in NOT_LOGGED)


class RequestLogMiddleware(RequestMiddleware):
    """django-structlog's middleware with our request id, one line a request, and its route."""

    def prepare(self, request: HttpRequest) -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=current_request_id())
        request.META["voltop.begun"] = time.perf_counter()

    def handle_response(self, request: HttpRequest, response: Any) -> None:
        ms = round((time.perf_counter() - request.META["voltop.begun"]) * 1000)
        RESPONSES.labels(f"{response.status_code // 100}xx").inc()
        level = logging.ERROR if response.status_code >= 500 else logging.INFO
        logger.log(
            level,
            "request",
            extra={
                "request": self.format_request(request),
                "code": response.status_code,
                "ms": ms,
                "user_id": _user_id(request),
            },
        )
        structlog.contextvars.clear_contextvars()

    def process_got_request_exception(self, sender: Any, request: Any, **kwargs: Any) -> None:
        """Nothing: whoever turns it into an answer logs it (`voltop.api.exceptions`, Django)."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        match = getattr(request, "resolver_match", None)
        return f"{request.method} {match.route if match is not None else '?'}"


def _user_id(request: HttpRequest) -> Any:
    """The person's id, where somebody has asked for the person; never a query of its own."""
    user = vars(request).get("user")
    if isinstance(user, SimpleLazyObject):
        user = vars(request).get("_cached_user")
    return getattr(user, "pk", None) or ""


structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
