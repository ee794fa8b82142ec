"""Secrets at rest: envelope encryption with one key per subject, and keyed fingerprints.

A subject is a person or thing by name ("drivers.driver:12"); all that is encrypted about it uses
its own random key, which is stored wrapped by a master key from the environment. Destroying the
subject's key voids every ciphertext of it. AES-256-GCM; what is authenticated beside the text
binds it to its context, provider, subject and key, so that a ciphertext moved elsewhere is junk.

Not here: what may be decrypted for whom, and hashing of passwords and tokens, which nobody needs
back. Plaintext never goes into a log, a task's arguments or an export.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Collection
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from voltop import clock
from voltop.embedded import paths
from voltop.errors import DomainError
from voltop.tables import SubjectKey

__all__ = ["DecryptFailed", "KeyDestroyed", "SubjectKey", "decrypt", "decrypt_by", "destroy",
           "encrypt", "fingerprint", "keys_of", "rewrap"]  # fmt: skip

FORMAT = b"\x01"
NONCE_BYTES = 12
KEY_BYTES = 32
LOCAL_KEY_ID = "local"


class KeyDestroyed(DomainError):
    """The subject was erased: its data is gone, and nothing new is ever kept under its name."""

    code = "key_destroyed"
    message = _("This data was erased.")


class DecryptFailed(DomainError):
    """A ciphertext was altered, moved from another row or belongs to another key."""

    code = "decrypt_failed"
    status = 500
    message = _("The stored data cannot be read.")


def encrypt(*, subject: str, provider_id: int | None, context: str, plaintext: bytes) -> bytes:
    """Encrypt under the subject's key, which is made on first use.

    `context` is the place, "table|column"; add the row's own uuid where a subject has several
    rows, or two of them could be exchanged. Raises KeyDestroyed.
    """
    key = _subject_key(subject, provider_id)
    bound = _bound(context, provider_id, subject, str(key.uuid))
    return FORMAT + _seal(_unwrap(key), plaintext, bound)


def decrypt(*, subject: str, provider_id: int | None, context: str, ciphertext: bytes) -> bytes:
    """The plaintext of what `encrypt` gave for the same subject, provider and context.

    Raises KeyDestroyed after the subject's erasure, DecryptFailed for anything else.
    """
    key = SubjectKey.objects.filter(subject=subject, provider_id=provider_id).first()
    return decrypt_by(key, context=context, ciphertext=ciphertext)


def keys_of(subjects: Collection[str]) -> dict[tuple[str, int | None], SubjectKey]:
    """The keys of many subjects in one query, by subject and provider, for `decrypt_by`."""
    found = SubjectKey.objects.filter(subject__in=subjects)
    return {(key.subject, key.provider_id): key for key in found}


def decrypt_by(key: SubjectKey | None, *, context: str, ciphertext: bytes) -> bytes:
    """As `decrypt`, with the subject's key at hand (None: it has none)."""
    if key is None:
        raise DecryptFailed()
    if key.destroyed_at is not None:
        raise KeyDestroyed()
    if ciphertext[:1] != FORMAT:
        raise DecryptFailed()
    bound = _bound(context, key.provider_id, key.subject, str(key.uuid))
    return _open(_unwrap(key), ciphertext[1:], bound)


def destroy(subject: str, provider_id: int | None) -> None:
    """Destroy the subject's key for good; a name without a key is closed as well. Idempotent."""
    closed = {"wrapped_key": b"", "key_id": "", "destroyed_at": clock.now()}
    with transaction.atomic():
        key, _created = SubjectKey.objects.select_for_update(no_key=True).get_or_create(
            subject=subject, provider_id=provider_id, defaults=closed
        )
        SubjectKey.objects.filter(pk=key.pk, destroyed_at=None).update(**closed)


def rewrap(limit: int = 500) -> int:
    """Wrap up to `limit` keys by the current master key; returns how many still had an older one.

    To rotate: put the new key first in MASTER_KEYS, call this until it returns 0, and drop the
    old key. Data is not touched.
    """
    current = _master_keys()[0]
    with transaction.atomic():
        keys = list(
            SubjectKey.objects.select_for_update(no_key=True, skip_locked=True)
            .filter(destroyed_at=None)
            .exclude(key_id=current)
            .order_by("pk")[:limit]
        )
        for key in keys:
            plain = _unwrap(key)
            SubjectKey.objects.filter(pk=key.pk).update(
                wrapped_key=_wrap(plain, key, current), key_id=current
            )
    return len(keys)


def fingerprint(value: str, purpose: str) -> bytes:
    """A keyed hash by which equal values are found without keeping them; 32 bytes.

    Equal values give equal fingerprints within one purpose only. The key is not among the
    rotated master keys: fingerprints outlive them.
    """
    key = _derive(settings.FINGERPRINT_KEY or paths.local_secret("fingerprint_key"), purpose)
    return hmac.digest(key, value.encode(), hashlib.sha256)


def _subject_key(subject: str, provider_id: int | None) -> SubjectKey:
    found = SubjectKey.objects.filter(subject=subject, provider_id=provider_id).first()
    if found is None:
        current = _master_keys()[0]
        fresh = SubjectKey(subject=subject, provider_id=provider_id, key_id=current)
        fresh.wrapped_key = _wrap(os.urandom(KEY_BYTES), fresh, current)
        SubjectKey.objects.bulk_create([fresh], ignore_conflicts=True)
        found = SubjectKey.objects.get(subject=subject, provider_id=provider_id)
    if found.destroyed_at is not None:
        raise KeyDestroyed()
    return found


def _wrap(plain: bytes, key: SubjectKey, key_id: str) -> bytes:
    return _seal(_master(key_id), plain, _wrap_bound(key, key_id))


def _unwrap(key: SubjectKey) -> bytes:
    bound = _wrap_bound(key, key.key_id)
    return _open(_master(key.key_id), bytes(key.wrapped_key), bound)


def _wrap_bound(key: SubjectKey, key_id: str) -> bytes:
    return _bound("voltop_subjectkey", key.provider_id, key.subject, str(key.uuid), key_id)


def _bound(*parts: str | int | None) -> bytes:
    return json.dumps(parts).encode()  # a list in JSON: no two different lists look alike


def _seal(key: bytes, plaintext: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, bound)


def _open(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):
        raise DecryptFailed() from None


def _master(key_id: str) -> bytes:
    """The master key of that id; without it the deployment lost its keys, or dropped one early."""
    try:
        return _parsed(tuple(settings.MASTER_KEYS))[key_id]
    except KeyError:
        raise ImproperlyConfigured(f"the master key {key_id!r} is not in MASTER_KEYS") from None


def _master_keys() -> list[str]:
    return list(_parsed(tuple(settings.MASTER_KEYS)))


@cache
def _parsed(configured: tuple[str, ...]) -> dict[str, bytes]:
    """The master keys by id, the current one first. Without configuration: the instance's own."""
    if not configured:
        return {LOCAL_KEY_ID: _derive(paths.local_secret("master_key"), "voltop.master_key")}
    keys = {}
    for item in configured:
        key_id, _colon, encoded = item.partition(":")
        try:
            keys[key_id] = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            keys[key_id] = b""
        if not 1 <= len(key_id) <= 40 or len(keys[key_id]) != KEY_BYTES:
            raise ImproperlyConfigured("MASTER_KEYS: each is `id:` and 32 bytes in base64")
    if len(keys) != len(configured):
        raise ImproperlyConfigured("MASTER_KEYS: an id comes twice")
    return keys


@cache
def _derive(secret: str, purpose: str) -> bytes:
    """A 256-bit key of its own for each purpose, from one high-entropy secret."""
    hkdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode())
    return hkdf.derive(secret.encode())
