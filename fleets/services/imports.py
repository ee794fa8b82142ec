"""Files of records: read through once, then kept for the workers that take their rows.

Not here: what columns mean (`voltop.columns`), how rows are taken (`fleets.services.import_runs`).
"""

import hashlib
import io
from datetime import datetime, timedelta

from django.db import connection, transaction

from fleets import audit
from fleets.errors import ImportFileGone, ImportUnderWay
from fleets.models import DataImport, FleetProvider
from fleets.selectors import actor_may
from fleets.services.providers import require_active
from voltop import clock, crypto, jobs, rings
from voltop.columns import Sheet
from voltop.context import Actor
from voltop.errors import PermissionDenied
from voltop.records import RecordKind, record_kinds
from voltop.tabular import EmptyTable, Limits, TableTooLarge, read_header, read_rows

KIND = "fleets.import"
SUBJECT = "fleets.import_files"
RUN_TASK = "fleets.run_imports"
FORGET_TASK = "fleets.forget_import_files"
MAX_FILE_BYTES = 10_000_000
LIMITS = Limits(text_bytes=50_000_000, rows=50_000)
FILES_KEPT = timedelta(days=7)


def read_columns(kind: RecordKind, provider_id: int, content: bytes, delimiter: str = ",") -> Sheet:
    """What the columns of a file mean for a kind of record; its rows are not looked at.

    Raises TableTooLarge (413), EmptyTable, WrongEncoding, WrongDelimiter, DoubledColumns,
    UnknownColumns, MissingColumns, UnreadableTable (400).
    """
    if len(content) > MAX_FILE_BYTES:
        raise TableTooLarge(limit="bytes", most=MAX_FILE_BYTES)
    header = read_header(io.BytesIO(content), delimiter=delimiter, limits=LIMITS)
    return Sheet(kind.new, kind.columns, header, provider_id)


def require_may(actor: Actor, kind: RecordKind, sheet: Sheet) -> None:
    """A file may do what its sender may: create, and with a column of refs change as well.

    Asked when it is handed in and whenever a worker goes on with it. Raises PermissionDenied.
    """
    needed = [kind.add_permission, *([kind.change_permission] if sheet.has_refs else [])]
    for permission in needed:
        if not actor_may(actor, permission):
            raise PermissionDenied(permission=permission)


@transaction.atomic
def request_import(
    provider: FleetProvider,
    *,
    actor: Actor,
    kind: RecordKind,
    file_name: str,
    content: bytes,
    delimiter: str = ",",
    dry_run: bool = False,
    at: datetime | None = None,
) -> DataImport:
    """Take a file in, to be worked on in the background; it is read from end to end first.

    Raises PermissionDenied (403), ProviderNotActive (409), what `read_columns` raises, and
    ImportUnderWay (409) while the same file is being done.
    """
    at = at or clock.now()
    actor.require_same_provider(provider)
    require_active(provider)
    require_may(actor, kind, read_columns(kind, provider.pk, content, delimiter))
    rows = sum(1 for _ in read_rows(io.BytesIO(content), delimiter=delimiter, limits=LIMITS))
    if not rows:
        raise EmptyTable()
    digest = hashlib.sha256(content).hexdigest()
    _lock(provider.pk, kind.name, digest)
    running = DataImport.objects.for_provider(provider.pk).filter(
        kind=kind.name, file_sha256=digest, dry_run=dry_run, job__state__in=jobs.OPEN
    )
    if found := running.only("pk").first():
        raise ImportUnderWay(data_import=found.pk)
    job = jobs.queue(KIND, actor=actor, params={"kind": kind.name}, total=rows, at=at)
    made = DataImport.objects.create(
        provider=provider,
        kind=kind.name,
        file_name=file_name,
        file_sha256=digest,
        delimiter=delimiter,
        dry_run=dry_run,
        actor=str(actor),
        job=job,
        content=crypto.encrypt(
            subject=SUBJECT,
            provider_id=provider.pk,
            context=content_context(job.pk),
            plaintext=content,
        ),
    )
    changes = {
        "kind": (None, kind.name),
        "sha256": (None, digest),
        "rows": (None, rows),
        "dry_run": (None, dry_run),
    }
    audit.record("data_import.requested", made, actor=actor, at=at, changes=changes)
    rings.ring(RUN_TASK)
    return made


def apply_import(judged: DataImport, *, actor: Actor, at: datetime | None = None) -> DataImport:
    """Take in for real the file that a dry run has judged, as an import of its own.

    Raises ImportFileGone (409) when it is kept no longer; see also `request_import`.
    """
    actor.require_same_provider(judged)
    content = file_of(DataImport.objects.for_provider(judged.provider_id).get(pk=judged.pk))
    if not content:
        raise ImportFileGone()
    return request_import(
        judged.provider,
        actor=actor,
        kind=record_kinds()[judged.kind],
        file_name=judged.file_name,
        content=content,
        delimiter=judged.delimiter,
        at=at,
    )


def content_context(job_id: int) -> str:
    """What a kept file is bound to."""
    return f"fleets_dataimport|content|{job_id}"


def file_of(work: DataImport) -> bytes:
    """The file itself; nothing once it is kept no longer."""
    sealed = bytes(work.content)
    if not sealed:
        return b""
    return crypto.decrypt(
        subject=SUBJECT,
        provider_id=work.provider_id,
        context=content_context(work.job_id),
        ciphertext=sealed,
    )


def _lock(provider_id: int, kind: str, digest: str) -> None:
    """Take turns over one file of one company until the transaction ends."""
    name = f"import|{provider_id}|{kind}|{digest}".encode()
    key = int.from_bytes(hashlib.sha256(name).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


@transaction.atomic
def forget_files(at: datetime | None = None) -> int:
    """Empty the files of imports that ended a week ago; how many. Once a day, whoever rings."""
    at = at or clock.now()
    if not jobs.claim_run(FORGET_TASK, at.date().isoformat()):
        return 0
    ended = DataImport.objects.unscoped().filter(job__finished_at__lt=at - FILES_KEPT)
    return ended.exclude(content=b"").update(content=b"")
