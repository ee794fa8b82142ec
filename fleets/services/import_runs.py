"""Rows of a file, taken one by one by the services that a POST of the API calls.

Any worker may go on where another was lost: each chunk of rows is committed together with how far
the import is, so a row is never taken twice. A dry run does the same work and takes it back, chunk
by chunk.
"""

import io
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import F

from fleets.models import DataImport, DataImportProblem
from fleets.selectors import of_beginning_companies
from fleets.services.imports import KIND, LIMITS, RUN_TASK, file_of, require_may
from fleets.services.refs import take_record
from voltop import jobs, rings
from voltop.api.bulk import BulkRow, Outcome, answer_each, bulk_of
from voltop.columns import Cells, Sheet
from voltop.context import Actor
from voltop.errors import DomainError
from voltop.failpoints import hit
from voltop.jobs import OPEN, Job
from voltop.records import record_kinds
from voltop.tabular import read_header, read_rows

CHUNK_ROWS = 50
MAX_PROBLEMS = 1_000

Progress = Callable[[DataImport, Sequence[DataImportProblem]], None]
"""Told after each chunk: the import as it stands, and what is wrong with the chunk's rows."""


def run_imports(*, budget_s: float = 120) -> int:
    """Work on all imports that are open, oldest first, for so long; how many rows were done.

    Safe to run at once and twice; what is left is rung for again. Records are something new: the
    imports of a suspended company stand still until it is active again.
    """
    stop_at = time.monotonic() + budget_s
    done = 0
    waiting = of_beginning_companies(DataImport.objects.unscoped().filter(job__state__in=OPEN))
    for job_id in list(waiting.order_by("job_id").values_list("job_id", flat=True)):
        done += run_import(job_id, stop_at=stop_at)
        if time.monotonic() >= stop_at:
            rings.ring_now(RUN_TASK)
            break
    return done


def run_import(
    job_id: int, *, stop_at: float | None = None, progress: Progress = lambda work, problems: None
) -> int:
    """Go on with one import where it stands; how many rows were done.

    Ends early, for the sweep to go on, when another worker is at it, the company is suspended or
    the database is away. An error that no row is to blame for ends the import as failed.
    """
    imports = DataImport.objects.unscoped().select_related("job", "provider")
    work, rows = imports.get(job_id=job_id), 0
    try:
        run = _Run(work)
        while (done := run.step()) is not None:
            rows += done.rows
            progress(work, done.problems)
            if stop_at is not None and time.monotonic() >= stop_at:
                break
    except OperationalError:
        return rows
    except Exception as error:
        jobs.fail(job_id, actor=Actor.system(KIND, work.provider_id), error=error)
    return rows


@dataclass(frozen=True)
class _Caller:
    """What a serializer asks of whoever calls: whose rows may be named."""

    provider_id: int


@dataclass(frozen=True)
class _Request:
    user: _Caller


@dataclass
class _Done:
    """What became of a chunk of rows."""

    rows: int
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[DataImportProblem] = field(default_factory=list)


class _Run:
    """One worker's way through what is left of a file."""

    def __init__(self, work: DataImport) -> None:
        self.work, self.position = work, work.job.done
        self.total = work.job.total or 0
        self.kind = record_kinds()[work.kind]
        self.actor = Actor.parse(work.actor, work.provider_id)
        self.body = bulk_of(self.kind.new)
        content = file_of(work)
        header = read_header(io.BytesIO(content), delimiter=work.delimiter, limits=LIMITS)
        self.sheet = Sheet(self.kind.new, self.kind.columns, header, work.provider_id)
        require_may(self.actor, self.kind, self.sheet)
        rows = read_rows(io.BytesIO(content), delimiter=work.delimiter, limits=LIMITS)
        self.rows = islice(rows, self.position, None)

    def step(self) -> _Done | None:
        """The next chunk, with the import's progress; None when there is nothing (left) to do."""
        chunk = [self.sheet.read(row) for row in islice(self.rows, CHUNK_ROWS)]
        if not chunk:
            return None
        done = self._judge(chunk) if self.work.dry_run else None
        with transaction.atomic():
            if not self._claim():
                return None
            if done is None:
                done = self._take(chunk)
            self._record(done)
            hit("fleets.import.chunk")
        hit("fleets.import.chunk_done")
        self.position += done.rows
        return done

    def _claim(self) -> bool:
        """Whether the import is open and nobody else has gone on with it; then it is ours to do.

        A company that was suspended since the last chunk has its rows taken later, not refused.
        """
        own = DataImport.objects.unscoped().filter(pk=self.work.pk)
        if not of_beginning_companies(own).exists():
            return False
        jobs_here = Job.objects.select_for_update(no_key=True, skip_locked=True)
        open_here = jobs_here.filter(
            pk=self.work.job_id, state__in=OPEN, done=self.position, total__gt=self.position
        )
        if not open_here.exists():
            return False
        jobs.start(self.work.job_id, actor=Actor.system(KIND, self.work.provider_id))
        return True

    def _judge(self, chunk: list[Cells]) -> _Done:
        """What would become of the rows."""
        with transaction.atomic():
            done = self._take(chunk)
            transaction.set_rollback(True)
        return done

    def _take(self, chunk: list[Cells]) -> _Done:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a row's breach is met at its row
        results = answer_each(list(self._valid(chunk)), self._take_row)["results"]
        done = _Done(len(chunk), Counter(result["outcome"] for result in results))
        for cells, result in zip(chunk, results, strict=True):
            if not result["ok"]:
                done.problems += self._problems(cells, result)
        return done

    def _take_row(self, values: dict[str, Any]) -> tuple[int, Outcome]:
        ref = values.pop("ref")
        return take_record(self.kind, self.work.provider, actor=self.actor, values=values, ref=ref)

    def _valid(self, chunk: list[Cells]) -> Iterator[BulkRow]:
        """The rows as a bulk request's: validated together, each with its own mistakes."""
        context = {"request": _Request(_Caller(self.work.provider_id)), "lenient": False}
        body = self.body(data={"rows": [cells.body for cells in chunk]}, context=context)
        body.is_valid(raise_exception=True)
        for cells, row in zip(chunk, body.validated_data["rows"], strict=True):
            if cells.mistakes:
                yield BulkRow(None, self._mistaken(cells, row))
            elif row.values is None:
                yield row
            else:
                yield BulkRow({**row.values, "ref": cells.ref}, None)

    def _mistaken(self, cells: Cells, row: BulkRow) -> dict[str, Any]:
        """The problem of a row of whose cells some cannot be meant: these, and other fields'."""
        errors = [_item(column, error) for column, error in cells.mistakes]
        columns = {column for column, _error in cells.mistakes}
        if "" not in columns and row.problem is not None:
            for item in row.problem["errors"]:
                column = self.sheet.column_of(item["field"])
                errors += [{**item, "field": column}] if column not in columns else []
        first = errors[0]
        return {"code": first["code"], "detail": first["detail"], "errors": errors}

    def _problems(self, cells: Cells, result: dict[str, Any]) -> list[DataImportProblem]:
        items = result["errors"] or [{**result, "field": ""}]
        return [
            DataImportProblem(
                provider=self.work.provider,
                data_import=self.work,
                row_number=cells.number,
                column=self.sheet.column_of(item["field"])[:120] if item["field"] else "",
                code=item["code"],
                detail=item["detail"][:500],
            )
            for item in items
        ]

    def _record(self, done: _Done) -> None:
        """What became of the chunk, and that it is behind us."""
        rows = DataImport.objects.unscoped().filter(pk=self.work.pk)
        told = self.work.problems.order_by().values("row_number").distinct().count()
        DataImportProblem.objects.bulk_create(done.problems if told < MAX_PROBLEMS else [])
        rows.update(
            created_count=F("created_count") + done.counts["created"],
            updated_count=F("updated_count") + done.counts["updated"],
            refused_count=F("refused_count") + done.counts["refused"],
        )
        jobs.advance(self.work.job_id, done.rows)
        if self.position + done.rows >= self.total:
            self._finish(rows)
        self.work.refresh_from_db()

    def _finish(self, rows: Any) -> None:
        counts = rows.values("created_count", "updated_count", "refused_count").get()
        result = {name.removesuffix("_count"): count for name, count in counts.items()}
        result["data_import"] = self.work.pk
        if not self.work.dry_run:
            rows.update(content=b"")
        jobs.finish(
            self.work.job_id, actor=Actor.system(KIND, self.work.provider_id), result=result
        )


def _item(column: str, error: DomainError) -> dict[str, str]:
    return {"field": column, "code": error.code, "detail": str(error.detail)}
