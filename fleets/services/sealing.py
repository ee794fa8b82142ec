"""The chain that seals audit entries, one for each provider, and its verification.

Entries are sealed after they are committed, by one writer at a time: a chain written at insert
would make every service of a provider wait for every other. A link's hash is keyed with the
deployment's fingerprint key, so that whoever can write to the database, but does not hold the
key, cannot make a chain that verifies.

What a chain alone cannot show is that its end was cut off: `verify` gives the heads, and takes
heads that were noted elsewhere earlier.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from fleets.models import AuditEntry, AuditSeal, FleetProvider
from voltop import clock, crypto, jobs
from voltop.context import Actor

logger = logging.getLogger(__name__)

PURPOSE = "audit.chain"
VERIFY = "fleets.verify_audit"
SHOWN = 20
GENESIS = bytes(32)
CHUNK = 500
READ = 2000
LATEST = timedelta(hours=1)
"""An entry is sealed within this time of being written. One that says it is older than that at
the time of the last seal did not come through a service: it is never sealed, but reported."""

ONE_WRITER = "SELECT pg_try_advisory_xact_lock(hashtextextended('fleets.audit.seal', 0))"
COLUMNS = (
    "id", "provider_id", "at", "actor", "on_behalf_of", "action", "object_type", "object_id",
    "changes", "subject", "reason", "request_id", "created_at",
)  # fmt: skip

Heads = Mapping[str, tuple[int, str]]
"""Chain ("platform" or the provider's id) → its length and the hash of its last link."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that no service can have done: what, in which chain, at which link or entry."""

    kind: str
    chain: str
    n: int | None
    entry_id: int | None

    def __str__(self) -> str:
        return f"{self.kind}: chain {self.chain}, link {self.n}, entry {self.entry_id}"


@dataclass(frozen=True, slots=True)
class Report:
    links: int
    unsealed: int
    heads: Heads
    findings: list[Finding]


def seal(limit: int = 10_000) -> int:
    """Add the entries that are not sealed yet to their chains; how many there were.

    Another writer at work leaves it to that one (0).
    """
    done = 0
    while done < limit:
        count = _seal_chunk()
        done += count
        if count < CHUNK:
            break
    return done


@transaction.atomic
def _seal_chunk() -> int:
    with connection.cursor() as cursor:
        cursor.execute(ONE_WRITER)
        if not cursor.fetchone()[0]:
            return 0
    entries = list(
        AuditEntry.objects.unscoped()
        .filter(seal=None, created_at__gt=_since())
        .order_by("created_at", "id")[:CHUNK]
    )
    last: dict[int | None, tuple[int, bytes]] = {}
    seals = []
    for entry in entries:
        provider_id = entry.provider_id
        n, prev_hash = last.get(provider_id) or _head(provider_id)
        link = link_hash(entry, n + 1, prev_hash)
        last[provider_id] = (n + 1, link)
        seals.append(
            AuditSeal(provider_id=provider_id, entry=entry, n=n + 1, prev_hash=prev_hash, hash=link)
        )
    AuditSeal.objects.bulk_create(seals)
    return len(seals)


def _since() -> datetime:
    """What was written before this is either sealed or did not come through a service."""
    newest = AuditSeal.objects.unscoped().order_by("-id").first()
    return newest.created_at - LATEST if newest else datetime.min.replace(tzinfo=UTC)


def _head(provider_id: int | None) -> tuple[int, bytes]:
    last = AuditSeal.objects.unscoped().filter(provider_id=provider_id).order_by("-n").first()
    return (last.n, bytes(last.hash)) if last else (0, GENESIS)


def link_hash(entry: AuditEntry, n: int, prev_hash: bytes) -> bytes:
    """The keyed hash over the link's number, the hash before it and every column of the entry."""
    content = [_canonical(getattr(entry, name)) for name in COLUMNS]
    text = json.dumps([n, prev_hash.hex(), *content], sort_keys=True, separators=(",", ":"))
    return crypto.fingerprint(text, PURPOSE)


def _canonical(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


# --- Verification --------------------------------------------------------------------------------
def verify(known_heads: Heads | None = None) -> Report:
    """Read every chain from its first link and say what does not fit.

    - `changed`: the entry, or its link, is not what was sealed.
    - `removed`: an entry of a link, or links of a chain, are gone (also behind a known head).
    - `inserted`: an entry that came past the services.
    - `relinked`: a link does not stand on the one before it.
    """
    findings: list[Finding] = []
    heads: dict[str, tuple[int, str]] = {}
    known = dict(known_heads or {})
    links = 0
    for seal_row in _links():
        links += 1
        chain = chain_name(seal_row.provider_id)
        n, prev_hash = heads.get(chain, (0, GENESIS.hex()))
        findings += _check(seal_row, chain, n, bytes.fromhex(prev_hash))
        heads[chain] = (seal_row.n, bytes(seal_row.hash).hex())
        if (seal_row.n, heads[chain][1]) == known.get(chain):
            del known[chain]
    # Either the link is gone, or it is there with another hash.
    findings += [Finding("removed", chain, n, None) for chain, (n, _hash) in known.items() if n]
    strangers, waiting = _unsealed()
    findings += [Finding("inserted", chain_name(chain), None, pk) for pk, chain in strangers]
    return Report(links=links, unsealed=waiting, heads=heads, findings=findings)


def _unsealed() -> tuple[list[tuple[int, int | None]], int]:
    """Entries (with their provider) that can never be sealed, and how many wait to be."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '60s'")
        unsealed = AuditEntry.objects.unscoped().filter(seal=None)
        old = unsealed.filter(created_at__lte=_since())
        strangers: list[tuple[int, int | None]] = list(
            old.order_by("pk").values_list("pk", "provider_id")
        )
        return strangers, unsealed.count() - len(strangers)


def _links() -> Iterator[AuditSeal]:
    """Every link in the order of its chain, with its entry where that is still there."""
    for provider_id in (None, *FleetProvider.objects.order_by("pk").values_list("pk", flat=True)):
        chain = AuditSeal.objects.unscoped().filter(provider_id=provider_id).order_by("n")
        batch = list(chain[:READ])
        while batch:
            yield from _with_entries(batch)
            batch = list(chain.filter(n__gt=batch[-1].n)[:READ])


def _with_entries(batch: list[AuditSeal]) -> Iterator[AuditSeal]:
    """Not a join: an entry that was removed would take its link out of sight."""
    entries = AuditEntry.objects.unscoped().in_bulk([row.entry_id for row in batch])
    for row in batch:
        row._state.fields_cache["entry"] = entries.get(row.entry_id)
        yield row


def _check(row: AuditSeal, chain: str, n: int, prev_hash: bytes) -> Iterator[Finding]:
    entry: AuditEntry | None = row._state.fields_cache["entry"]
    if row.n != n + 1:
        yield Finding("removed", chain, n + 1, None)
    elif bytes(row.prev_hash) != prev_hash:
        yield Finding("relinked", chain, row.n, row.entry_id)
    if entry is None:
        yield Finding("removed", chain, row.n, row.entry_id)
    elif entry.provider_id != row.provider_id or bytes(row.hash) != link_hash(
        entry, row.n, bytes(row.prev_hash)
    ):
        yield Finding("changed", chain, row.n, row.entry_id)


def chain_name(provider_id: int | None) -> str:
    return "platform" if provider_id is None else str(provider_id)


def report_daily(at: datetime | None = None) -> None:
    """Verify once a day; the result is a job that staff see, findings are errors in the log.

    The heads are in the job's result and in the log, which is kept elsewhere.
    """
    at = at or clock.now()
    report = verify()
    actor = Actor.system(VERIFY)
    with transaction.atomic():
        if not jobs.claim_run(VERIFY, at.date().isoformat()):
            return
        job = jobs.start(jobs.queue(VERIFY, actor=actor, at=at).pk, actor=actor, at=at)
        result = {"links": report.links, "unsealed": report.unsealed, "heads": report.heads}
        found = [str(finding) for finding in report.findings[:SHOWN]]
        result |= {"findings": len(report.findings), "first": found}
        jobs.finish(job.pk, actor=actor, result=result, at=at)
    for chain, (n, head) in report.heads.items():
        logger.info("audit_head", extra={"chain": chain, "n": n, "hash": head})
    for finding in report.findings:
        logger.error("audit_finding", extra={"kind": finding.kind, "chain": finding.chain})
