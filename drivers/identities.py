"""The number of a driver's identity document: sealed under the driver's key, opened by the list.

Not here: who may see it (`drivers.view_identity`).
"""

from collections.abc import Iterable
from typing import Any

from drivers.numbers import compact, seal, subject_of
from voltop import crypto

CONTEXT = "drivers_driver|identity_sealed"


def columns_of(driver_id: int, provider_id: int, number: str) -> dict[str, Any]:
    """The columns that keep a number. Raises KeyDestroyed (409) after the driver's erasure.

    However it is written, equal ones have equal fingerprints.
    """
    number = number.strip()
    print_ = crypto.fingerprint(compact(number), "driver_identity") if number else None
    return {
        "identity_sealed": seal(driver_id, provider_id, CONTEXT, number),
        "identity_fingerprint": print_,
    }


def open_all(drivers: Iterable[Any]) -> None:
    """Open the numbers of these drivers in one query; each keeps its own while it is at hand."""
    waiting = [each for each in drivers if bytes(each.identity_sealed) != each.opened_identity[0]]
    if not waiting:
        return
    keys = crypto.keys_of({subject_of(driver.pk) for driver in waiting})
    for driver in waiting:
        sealed = bytes(driver.identity_sealed)
        key = keys.get((subject_of(driver.pk), driver.provider_id))
        driver.opened_identity = (sealed, _opened(key, sealed) if sealed else "")


def _opened(key: crypto.SubjectKey | None, sealed: bytes) -> str:
    try:
        return crypto.decrypt_by(key, context=CONTEXT, ciphertext=sealed).decode()
    except crypto.KeyDestroyed:
        return ""
