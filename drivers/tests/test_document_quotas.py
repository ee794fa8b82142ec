"""Quotas of files hold exactly, also for many uploads at the same moment."""

from datetime import timedelta

import pytest

from drivers.errors import FilesFull, TooManyFiles
from drivers.models import DriverDocument
from drivers.services import documents
from drivers.tests.papers import NOON, PICTURE, hand_in
from voltop import files
from voltop.tables import StoredFile
from voltop.tests.cast import Cast
from voltop.tests.parallel import at_once


@pytest.mark.django_db
def test_the_21st_file_within_an_hour_waits_until_the_first_is_an_hour_old(cast):
    for minute in range(20):
        hand_in(cast, cast.driver, at=NOON + timedelta(minutes=minute))
    with pytest.raises(TooManyFiles) as refused:
        hand_in(cast, cast.driver, at=NOON + timedelta(minutes=40))
    assert refused.value.retry_after_s == 20 * 60
    hand_in(cast, cast.other_driver, at=NOON + timedelta(minutes=40))
    hand_in(cast, cast.driver, at=NOON + timedelta(minutes=60))


@pytest.mark.django_db
def test_a_drivers_files_have_room_for_200_megabytes(cast):
    hand_in(cast, cast.driver, at=NOON - timedelta(days=9))
    StoredFile.objects.update(size_bytes=200_000_000 - len(PICTURE.content) + 1)
    with pytest.raises(FilesFull) as refused:
        hand_in(cast, cast.driver)
    assert refused.value.extra["limit_bytes"] == 200_000_000
    StoredFile.objects.update(size_bytes=200_000_000 - len(PICTURE.content))
    hand_in(cast, cast.driver)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("limit", "value", "error"),
    [
        ("MAX_FILES_PER_HOUR", 3, TooManyFiles),
        ("MAX_BYTES_PER_DRIVER", 3 * len(PICTURE.content), FilesFull),
    ],
)
def test_of_32_uploads_at_once_exactly_what_fits_is_taken(monkeypatch, limit, value, error):
    monkeypatch.setattr(documents, limit, value)
    cast = Cast()
    driver, actor = cast.driver, cast.actor()
    hand_in(cast, driver)

    def upload():
        return documents.hand_in_document(
            driver, actor=actor, kind="national_id", file=PICTURE, at=NOON
        )

    results = at_once([upload] * 32)
    assert sum(isinstance(result, DriverDocument) for result in results) == 2, results
    assert sum(isinstance(result, error) for result in results) == 30, results
    subject = f"drivers.driver:{driver.pk}"
    assert files.held_bytes(subject, cast.a.pk) == 3 * len(PICTURE.content)
