"""A ciphertext opens only where it was made, for whom, and until the subject's key is destroyed."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, transaction

from voltop import crypto
from voltop.crypto import DecryptFailed, KeyDestroyed, SubjectKey

PLACE = {"subject": "drivers.driver:12", "provider_id": 3, "context": "table|column"}
SECRET = b"MX 002115016003269411"


def master(key_id: str, byte: bytes) -> str:
    return f"{key_id}:{base64.b64encode(byte * 32).decode()}"


@pytest.mark.django_db
def test_what_was_encrypted_comes_back_and_is_not_seen_in_the_row():
    ciphertext = crypto.encrypt(**PLACE, plaintext=SECRET)
    assert crypto.decrypt(**PLACE, ciphertext=ciphertext) == SECRET
    assert SECRET not in ciphertext
    key = SubjectKey.objects.get(subject="drivers.driver:12")
    assert len(bytes(key.wrapped_key)) == 12 + 32 + 16


@pytest.mark.django_db
def test_the_same_text_never_looks_the_same():
    ciphertexts = {crypto.encrypt(**PLACE, plaintext=SECRET) for _ in range(50)}
    assert len(ciphertexts) == 50
    assert SubjectKey.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("plaintext", [b"", b"\0", b"x" * 100_000])
def test_any_bytes_can_be_kept(plaintext):
    ciphertext = crypto.encrypt(**PLACE, plaintext=plaintext)
    assert crypto.decrypt(**PLACE, ciphertext=ciphertext) == plaintext


@pytest.mark.django_db
@pytest.mark.parametrize(
    "elsewhere",
    [
        {"subject": "drivers.driver:13"},
        {"provider_id": 4},
        {"provider_id": None},
        {"context": "table|other"},
        {"context": "table|column", "subject": "drivers.driver:1"},
    ],
)
def test_a_ciphertext_moved_elsewhere_does_not_open(elsewhere):
    there = {**PLACE, **elsewhere}
    crypto.encrypt(**there, plaintext=b"something else")  # so that the other place has a key
    ciphertext = crypto.encrypt(**PLACE, plaintext=SECRET)
    with pytest.raises(DecryptFailed):
        crypto.decrypt(**there, ciphertext=ciphertext)


@pytest.mark.django_db
def test_wrapped_keys_of_two_subjects_cannot_be_exchanged():
    other = {**PLACE, "subject": "drivers.driver:13"}
    mine = crypto.encrypt(**PLACE, plaintext=SECRET)
    crypto.encrypt(**other, plaintext=SECRET)
    key = SubjectKey.objects.get(subject=other["subject"])
    SubjectKey.objects.filter(subject=PLACE["subject"]).update(wrapped_key=key.wrapped_key)
    with pytest.raises(DecryptFailed):
        crypto.decrypt(**PLACE, ciphertext=mine)


@pytest.mark.django_db
def test_no_bit_of_a_ciphertext_may_change():
    ciphertext = crypto.encrypt(**PLACE, plaintext=SECRET)
    for position in range(len(ciphertext)):
        changed = bytearray(ciphertext)
        changed[position] ^= 1
        with pytest.raises(DecryptFailed):
            crypto.decrypt(**PLACE, ciphertext=bytes(changed))
    for length in range(len(ciphertext)):
        with pytest.raises(DecryptFailed):
            crypto.decrypt(**PLACE, ciphertext=ciphertext[:length])


@pytest.mark.django_db
def test_an_unknown_subject_has_nothing_to_decrypt():
    with pytest.raises(DecryptFailed):
        crypto.decrypt(**PLACE, ciphertext=b"\x01" + b"x" * 40)
    assert not SubjectKey.objects.exists()


@pytest.mark.django_db
def test_a_destroyed_key_voids_what_it_encrypted_and_stays_closed():
    ciphertext = crypto.encrypt(**PLACE, plaintext=SECRET)
    other = {**PLACE, "provider_id": 4}
    kept = crypto.encrypt(**other, plaintext=SECRET)
    crypto.destroy(PLACE["subject"], PLACE["provider_id"])
    crypto.destroy(PLACE["subject"], PLACE["provider_id"])
    with pytest.raises(KeyDestroyed):
        crypto.decrypt(**PLACE, ciphertext=ciphertext)
    with pytest.raises(KeyDestroyed):
        crypto.encrypt(**PLACE, plaintext=SECRET)
    assert crypto.decrypt(**other, ciphertext=kept) == SECRET
    key = SubjectKey.objects.get(subject=PLACE["subject"], provider_id=3)
    assert bytes(key.wrapped_key) == b""


@pytest.mark.django_db
def test_a_subject_erased_before_its_first_secret_stays_closed():
    crypto.destroy("drivers.driver:99", 3)
    with pytest.raises(KeyDestroyed):
        crypto.encrypt(**{**PLACE, "subject": "drivers.driver:99"}, plaintext=SECRET)


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"wrapped_key": b""}, {"destroyed_at": "2026-01-01T00:00Z"}])
def test_the_database_refuses_a_half_destroyed_key(change):
    crypto.encrypt(**PLACE, plaintext=SECRET)
    with (
        pytest.raises(IntegrityError, match="subject_key_destroyed_is_empty"),
        transaction.atomic(),
    ):
        SubjectKey.objects.update(**change)


@pytest.mark.django_db
def test_rotating_the_master_key_rewraps_every_key_and_keeps_the_data(settings):
    settings.MASTER_KEYS = [master("2026", b"a")]
    places = [{**PLACE, "subject": f"drivers.driver:{n}"} for n in range(5)]
    ciphertexts = [crypto.encrypt(**place, plaintext=SECRET) for place in places]
    crypto.destroy("drivers.driver:4", 3)

    settings.MASTER_KEYS = [master("2027", b"b"), master("2026", b"a")]
    newer = crypto.encrypt(**{**PLACE, "subject": "drivers.driver:9"}, plaintext=SECRET)
    assert crypto.decrypt(**places[0], ciphertext=ciphertexts[0]) == SECRET
    assert [crypto.rewrap(limit=3), crypto.rewrap(limit=3), crypto.rewrap(limit=3)] == [3, 1, 0]
    assert set(SubjectKey.objects.values_list("key_id", flat=True)) == {"2027", ""}

    settings.MASTER_KEYS = [master("2027", b"b")]
    for place, ciphertext in zip(places[:4], ciphertexts[:4], strict=True):
        assert crypto.decrypt(**place, ciphertext=ciphertext) == SECRET
    nine = {**PLACE, "subject": "drivers.driver:9"}
    assert crypto.decrypt(**nine, ciphertext=newer) == SECRET

    settings.MASTER_KEYS = [master("2027", b"c")]
    with pytest.raises(DecryptFailed):
        crypto.decrypt(**nine, ciphertext=newer)


@pytest.mark.django_db
def test_a_master_key_dropped_too_early_is_named(settings):
    settings.MASTER_KEYS = [master("2026", b"a")]
    ciphertext = crypto.encrypt(**PLACE, plaintext=SECRET)
    settings.MASTER_KEYS = [master("2027", b"b")]
    with pytest.raises(ImproperlyConfigured, match="'2026'"):
        crypto.decrypt(**PLACE, ciphertext=ciphertext)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "keys",
    [["2026"], ["2026:c2hvcnQ="], [":" + "YWFh" * 11], ["2026:%%%"],
     [master("1", b"a"), master("1", b"b")]],
)  # fmt: skip
def test_master_keys_of_a_bad_form_are_refused(settings, keys):
    settings.MASTER_KEYS = keys
    with pytest.raises(ImproperlyConfigured, match="MASTER_KEYS"):
        crypto.encrypt(**PLACE, plaintext=SECRET)


def test_fingerprints_find_equals_within_a_purpose_and_need_the_key(settings):
    settings.FINGERPRINT_KEY = "a" * 43
    mine = crypto.fingerprint("002115016003269411", "payout_account")
    assert len(mine) == 32
    assert crypto.fingerprint("002115016003269411", "payout_account") == mine
    assert crypto.fingerprint("002115016003269412", "payout_account") != mine
    assert crypto.fingerprint("002115016003269411", "tax_id") != mine
    settings.FINGERPRINT_KEY = "b" * 43
    assert crypto.fingerprint("002115016003269411", "payout_account") != mine


def test_a_fingerprint_outlives_a_rotation_of_the_master_keys(settings):
    settings.MASTER_KEYS = [master("2026", b"a")]
    before = crypto.fingerprint("x", "p")
    settings.MASTER_KEYS = [master("2027", b"b")]
    assert crypto.fingerprint("x", "p") == before


@pytest.mark.django_db(transaction=True)
def test_parallel_first_uses_agree_on_one_key():
    barrier = threading.Barrier(8)

    def first_use(n: int) -> bytes:
        barrier.wait()
        try:
            return crypto.encrypt(**PLACE, plaintext=json.dumps(n).encode())
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        ciphertexts = list(pool.map(first_use, range(8)))
    plain = {crypto.decrypt(**PLACE, ciphertext=item) for item in ciphertexts}
    assert plain == {json.dumps(n).encode() for n in range(8)}
    assert SubjectKey.objects.count() == 1
