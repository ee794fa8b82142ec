"""One's own keys: giving objects the ids of other systems, and putting records by them."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction

from fleets import audit
from fleets.errors import InvalidRef, RefTaken
from fleets.models import ExternalRef, FleetProvider
from voltop import clock
from voltop.api.bulk import Outcome
from voltop.context import Actor
from voltop.errors import StaleVersion
from voltop.records import RecordKind

SYSTEM = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
MAX_ID = 120


@transaction.atomic
def put_record(
    kind: RecordKind,
    provider: FleetProvider,
    *,
    actor: Actor,
    system: str,
    external_id: str,
    values: dict[str, Any],
    version: int | None = None,
    at: datetime | None = None,
) -> tuple[models.Model, bool]:
    """Create the record that a system knows by this id, or change the one that is there.

    `values` is what the kind's `new` serializer gave; of these, a record that is there takes those
    that can change. Of two at once the second finds what the first made. `version`: only if the
    record stands at it. Returns the record, and whether it is new. A ref whose object went to
    another provider is given to the new one.
    Raises InvalidRef (400), StaleVersion (412) and what the kind's services raise.
    """
    at = at or clock.now()
    actor.require_same_provider(provider)
    check_ref(system, external_id)
    _lock(provider.pk, kind.object_type, system, external_id)
    refs = ExternalRef.objects.for_provider(provider.pk).filter(
        system=system, object_type=kind.object_type, external_id=external_id
    )
    if known := refs.first():
        if record := kind.rows(provider.pk).filter(pk=known.object_id).first():
            if version is not None and version != record.row_version:
                raise StaleVersion(current=record.row_version)
            changed = {k: v for k, v in values.items() if k in kind.changeable}
            return kind.update(record, actor, changed), False
        known.delete()
    if version is not None:
        raise StaleVersion(current=None)
    record = kind.create(provider, actor, values)
    link_object(record, actor=actor, system=system, external_id=external_id, at=at)
    return record, True


def take_record(
    kind: RecordKind,
    provider: FleetProvider,
    *,
    actor: Actor,
    values: dict[str, Any],
    ref: Mapping[str, str] | None,
    at: datetime | None = None,
) -> tuple[int, Outcome]:
    """One row of many, from a bulk request or a file: put by its ref, or made anew without one.

    Returns the record's id and what was done. Raises what `put_record` and the kind's services
    raise; a wrong ref at `ref.system` or `ref.id`.
    """
    if ref is None:
        return kind.create(provider, actor, values).pk, "created"
    try:
        record, created = put_record(
            kind,
            provider,
            actor=actor,
            system=ref["system"],
            external_id=ref["id"],
            values=values,
            at=at,
        )
    except InvalidRef as error:
        field = "ref.id" if error.field == "external_id" else "ref.system"
        raise InvalidRef(field=field) from error
    return record.pk, "created" if created else "updated"


@transaction.atomic
def link_object(
    obj: Any, *, actor: Actor, system: str, external_id: str, at: datetime | None = None
) -> ExternalRef:
    """Say what another system calls an object; a former id of it there is forgotten.

    Saying it again changes nothing. Raises InvalidRef (400), RefTaken (409).
    """
    at = at or clock.now()
    actor.require_same_provider(obj)
    check_ref(system, external_id)
    object_type = obj._meta.label_lower
    _lock(obj.provider_id, object_type, system, external_id)
    refs = ExternalRef.objects.for_provider(obj.provider_id).filter(
        system=system, object_type=object_type
    )
    taken = refs.filter(external_id=external_id).first()
    if taken is not None and taken.object_id == obj.pk:
        return taken
    if taken is not None:
        raise RefTaken(field="external_id", object_id=taken.object_id)
    former = refs.filter(object_id=obj.pk).first()
    ref = former or ExternalRef(
        provider_id=obj.provider_id, system=system, object_type=object_type, object_id=obj.pk
    )
    changes = {f"refs.{system}": (ref.external_id or None, external_id)}
    ref.external_id = external_id
    ref.save()
    audit.record("ref.linked", obj, actor=actor, at=at, changes=changes)
    ref.refresh_from_db()
    return ref


@transaction.atomic
def unlink_ref(ref: ExternalRef, *, actor: Actor, at: datetime | None = None) -> None:
    """Forget what a system calls an object; the object stays."""
    at = at or clock.now()
    actor.require_same_provider(ref)
    changes = {ref.system: (ref.external_id, None), "object": (ref.object_id, None)}
    audit.record("ref.unlinked", ref, actor=actor, at=at, changes=changes)
    ref.delete()


def check_ref(system: str, external_id: str) -> None:
    """Raise InvalidRef (400) for what is no name of a system, or no id."""
    if not SYSTEM.fullmatch(system):
        raise InvalidRef(field="system")
    printable = all(unicodedata.category(c)[0] != "C" for c in external_id)
    if not (0 < len(external_id) <= MAX_ID and printable and external_id == external_id.strip()):
        raise InvalidRef(field="external_id")


def _lock(provider_id: int, object_type: str, system: str, external_id: str) -> None:
    """Take turns over one key, also before there is any row, until the transaction ends."""
    name = f"ref|{provider_id}|{object_type}|{system}|{external_id}".encode()
    key = int.from_bytes(hashlib.sha256(name).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
