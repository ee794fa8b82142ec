"""A driver's phone that was offline: what it queued, sent by `me/sync`."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from voltop import clock

SYNC = "/api/v1/me/sync"
numbers = itertools.count()


def ago(**values: float) -> datetime:
    return clock.now() - timedelta(**values)


def event(
    kind: str, occurred_at: datetime | None = None, client_id: str | None = None, **data: Any
) -> dict[str, Any]:
    """An event that a phone has queued; of now, with a client_id of its own, unless said."""
    return {
        "client_id": client_id or f"event-{next(numbers)}",
        "kind": kind,
        "occurred_at": (occurred_at or clock.now()).isoformat(),
        "data": data,
    }


def sync(client: Any, *events: Any, **values: Any) -> list[dict[str, Any]]:
    """The answers to these events, sent together."""
    answer = client.post(SYNC, {"events": list(events), **values}, format="json")
    assert answer.status_code == 200, answer.json()
    answers: list[dict[str, Any]] = answer.json()["answers"]
    assert [each["index"] for each in answers] == list(range(len(events)))
    return answers


def told(answers: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(answer["status"], answer["code"]) for answer in answers]
