"""Numbers that tell who a person is: sealed under the driver's key, and masked.

Not here: account numbers (`drivers.accounts`), and whose a number is.
"""

from voltop import crypto


def subject_of(driver_id: int) -> str:
    """The name of a driver's encryption key."""
    return f"drivers.driver:{driver_id}"


def seal(driver_id: int, provider_id: int, context: str, number: str) -> bytes:
    """The number under the driver's key; nothing for nothing. Raises KeyDestroyed (409)."""
    if not number:
        return b""
    return crypto.encrypt(
        subject=subject_of(driver_id),
        provider_id=provider_id,
        context=context,
        plaintext=number.encode(),
    )


def unseal(driver_id: int, provider_id: int, context: str, sealed: bytes) -> str:
    """The number again. Raises KeyDestroyed (409) after the driver's erasure."""
    if not sealed:
        return ""
    return crypto.decrypt(
        subject=subject_of(driver_id),
        provider_id=provider_id,
        context=context,
        ciphertext=bytes(sealed),
    ).decode()


def compact(number: str) -> str:
    """Its letters and digits alone, by which two ways of writing it are the same."""
    return "".join(sign for sign in number.upper() if sign.isalnum())


def mask(number: str) -> str:
    """The last three signs of a number that is long enough, else none; empty for nothing."""
    plain = compact(number)
    if not plain:
        return ""
    return f"•••• {plain[-3:]}" if len(plain) >= 7 else "••••"
