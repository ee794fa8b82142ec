"""One answer per row: each is made in a savepoint of its own."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction

from voltop.api import bulk
from voltop.errors import DomainError


def answer_each(
    rows: Sequence[bulk.BulkRow], create: Callable[[dict[str, Any]], int]
) -> dict[str, Any]:
    """Call `create` for every valid row; what it refuses loses only that row."""
    results: list[dict[str, Any]] = []
    with transaction.atomic():
        for index, row in enumerate(rows):
            if row.values is None:
                results.append({**bulk.refused(index, row.problem or {}), "id": None})
                continue
            try:
                with transaction.atomic():
                    made = create(dict(row.values))
            except DomainError as error:
                results.append({**bulk.answer(index, error), "id": None})
            else:
                results.append({**bulk.answer(index, None), "id": made})
    created = sum(1 for result in results if result["ok"])
    return {"created": created, "refused": len(results) - created, "results": results}
