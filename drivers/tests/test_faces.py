"""Faces: enrolled only with consent, compared one to one, never kept longer than said."""

import struct
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from drivers import services
from drivers.errors import (
    DriverNotActive,
    FaceAttemptsUsedUp,
    FaceChecksOff,
    FaceConsentRequired,
    FaceEngineBusy,
    FaceEngineUnavailable,
    FaceNotEnrolled,
    FacePhotoRefused,
    FacePhotosDisagree,
    OwnFaceCheck,
)
from drivers.faces import consent, dlib_engine
from drivers.faces.judging import distance
from drivers.models import DriverEvent, FaceCheck, FaceTemplate
from drivers.services import faces as face_services
from drivers.tests.painted_faces import (
    PaintedFaces,
    ask_for_faces,
    embedding,
    enrol,
    painted,
    photo,
)
from fleets.errors import TooManyAttempts
from fleets.models import AuditEntry, FleetPolicy, Notice
from fleets.services import change_policy
from voltop import crypto, files
from voltop.context import Actor
from voltop.crypto import DecryptFailed, KeyDestroyed
from voltop.errors import NotFound, ReasonRequired
from voltop.files.errors import FileTooLarge, UnsupportedFile
from voltop.tests import files_corpus as corpus
from voltop.tests.cast import Cast
from voltop.tests.parallel import at_once

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 12, 10, 18, 0, tzinfo=UTC)


@pytest.fixture
def driver(cast):
    ask_for_faces(cast.a)
    return cast.driver


@pytest.fixture
def down(monkeypatch):
    monkeypatch.setattr(PaintedFaces, "is_down", True)


def own(driver) -> Actor:
    return Actor("user", driver.user_id, driver.provider_id)


def check(driver, person=1, take=9, *, at=NOON, **said) -> FaceCheck:
    shown = photo(person, take, **said)
    return services.check_face(driver, actor=own(driver), photo=shown, at=at)


# --- Enrolment -----------------------------------------------------------------------------------
def test_nothing_of_a_face_is_kept_without_consent_to_the_text_of_today(cast, driver):
    with pytest.raises(FaceConsentRequired) as refused:
        enrol(cast, driver, consent_version="2020-01")
    assert refused.value.extra == {"version": consent.VERSION}
    assert not FaceTemplate.objects.exists()
    enrol(cast, driver, at=NOON)
    template = FaceTemplate.objects.get()
    assert (template.consent_version, template.consented_at) == (consent.VERSION, NOON)


@pytest.mark.parametrize("column", ["consent_version = ''", "consented_at = NULL"])
def test_the_database_takes_no_template_without_consent(cast, driver, column):
    enrol(cast, driver)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE drivers_facetemplate SET {column}")


def test_a_company_that_checks_no_faces_keeps_none(cast):
    with pytest.raises(FaceChecksOff):
        enrol(cast, cast.driver)


def test_the_template_is_the_mean_of_the_photos_and_the_photos_are_gone(cast, driver):
    template = enrol(cast, driver)
    takes = [embedding(1, take) for take in (1, 2, 3)]
    mean = [sum(values) / 3 for values in zip(*takes, strict=True)]
    assert face_services._opened(template) == pytest.approx(mean)
    assert not files.StoredFile.objects.exists()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"faces": 0}, "no_face"),
        ({"faces": 2}, "several_faces"),
        ({"small": 1}, "too_small"),
        ({"dark": 1}, "too_dark"),
        ({"bright": 1}, "too_bright"),
        ({"blurred": 1}, "blurred"),
        ({"turned": 1}, "not_frontal"),
    ],
)
def test_a_photo_that_will_not_do_is_named_with_its_reason(cast, driver, said, reason):
    photos = [photo(1, 1), photo(1, 2), photo(1, 3, **said)]
    with pytest.raises(FacePhotoRefused) as refused:
        enrol(cast, driver, photos=photos)
    assert refused.value.extra == {"photo": 2, "reason": reason}
    assert not FaceTemplate.objects.exists()


def test_one_photo_handed_in_twice_is_one_photo_whatever_its_file(cast, driver):
    raw = painted(1, 1)
    files_of_it = [raw, painted(1, 2), raw + b"appended"]
    with pytest.raises(FacePhotoRefused) as refused:
        enrol(cast, driver, photos=[services.prepare_photo(each) for each in files_of_it])
    assert refused.value.extra == {"photo": 2, "reason": "repeated"}


def test_photos_of_two_people_make_no_template(cast, driver):
    with pytest.raises(FacePhotosDisagree) as refused:
        enrol(cast, driver, photos=[photo(1, 1), photo(1, 2), photo(2, 3)])
    assert 2 in refused.value.extra["photos"]


def test_what_is_no_photo_is_refused_by_its_field():
    with pytest.raises(UnsupportedFile) as refused:
        services.prepare_photo(corpus.pdf(), "photos.2")
    assert refused.value.field == "photos.2"
    with pytest.raises(FileTooLarge) as refused:
        services.prepare_photo(bytes(2_000_001))
    assert refused.value.field == "photo"


def test_one_driver_has_one_template_and_only_themselves_replace_it(cast, driver):
    first = enrol(cast, driver)
    again = enrol(cast, driver, photos=[photo(1, take) for take in (4, 5, 6)])
    assert list(FaceTemplate.objects.values_list("pk", flat=True)) == [again.pk]
    with pytest.raises(KeyDestroyed):
        face_services._opened(first)
    with pytest.raises(FacePhotosDisagree) as refused:
        enrol(cast, driver, person=2)
    assert refused.value.extra["photos"] == []
    services.withdraw_face(driver, actor=cast.actor(), reason="grew a beard")
    assert not again.anew
    assert enrol(cast, driver, person=2).anew


def test_an_enrolment_is_audited_and_the_driver_is_told(cast, driver):
    enrol(cast, driver)
    entry = AuditEntry.objects.get(action="face.enrolled")
    assert entry.changes == {"consent_version": ["", consent.VERSION]}
    assert Notice.objects.filter(user=driver.user, kind="drivers.face_enrolled").exists()


def test_without_an_engine_nobody_is_enrolled(cast, driver, down):
    with pytest.raises(FaceEngineUnavailable):
        enrol(cast, driver)


def test_another_companys_driver_is_not_there(cast, driver):
    with pytest.raises(NotFound):
        enrol(cast, driver, actor=cast.actor(cast.b))
    with pytest.raises(NotFound):
        services.set_aside_face_check(driver, actor=cast.actor(cast.b), reason="x")


# --- What is at rest -----------------------------------------------------------------------------
def forms(values) -> list[bytes]:
    """Raw floats of both sizes and either end, and their decimal writing."""
    raw = [struct.pack(f"{end}{len(values)}{size}", *values) for end in "<>" for size in "fd"]
    return [part[n : n + 16] for part in raw for n in (0, 16)] + [
        f"{values[0]:.6f}".encode(), repr(values[0]).encode(),
    ]  # fmt: skip


def test_no_row_of_the_database_holds_the_template_in_clear(cast, driver):
    template = enrol(cast, driver)
    check(driver)
    known = forms(face_services._opened(template)) + forms(embedding(1, 9))
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')
            rows = [row[0] for row in cursor.fetchall()]
            held = [
                form for form in known for row in rows
                if form in row.encode() or form.hex() in row
            ]  # fmt: skip
            assert not held, table


def test_a_template_moved_to_another_row_is_junk(cast, driver):
    one, other = enrol(cast, driver), enrol(cast, cast.other_driver, person=2)
    FaceTemplate.objects.filter(pk=one.pk).update(sealed=bytes(other.sealed))
    one.refresh_from_db()
    with pytest.raises(DecryptFailed):
        face_services._opened(one)


@pytest.mark.parametrize("subject", ["drivers.driver", "drivers.face"])
def test_either_key_destroyed_is_the_template_gone(cast, driver, subject):
    template = enrol(cast, driver)
    name = {"drivers.driver": driver.pk, "drivers.face": template.uuid}[subject]
    crypto.destroy(f"{subject}:{name}", cast.a.pk)
    with pytest.raises(KeyDestroyed):
        check(driver)
    assert not FaceCheck.objects.exists()


# --- Checks --------------------------------------------------------------------------------------
def test_the_same_person_passes_with_all_that_the_decision_stood_on(cast, driver):
    template = enrol(cast, driver)
    made = check(driver)
    apart = distance(face_services._opened(template), embedding(1, 9))
    assert (made.result, made.refusal, made.attempt) == ("passed", "", 1)
    assert made.distance == pytest.approx(apart)
    assert (made.threshold, made.engine) == (0.5, "painted 1")
    assert (made.face_width_px, made.light, made.liveness) == (200, 120, "not_checked")


def test_another_person_fails(cast, driver):
    enrol(cast, driver)
    made = check(driver, person=2)
    assert (made.result, made.refusal) == ("failed", "face_mismatch")
    assert made.distance > made.threshold


def test_the_companys_threshold_decides(cast, driver):
    enrol(cast, driver)
    FleetPolicy.objects.filter(provider=cast.a).update(face_max_distance="0.20")
    near = check(driver).distance
    closer = FaceCheck.objects.get()
    assert (closer.result, closer.threshold) == ("passed" if near <= 0.2 else "failed", 0.2)


def test_nobody_is_compared_before_they_are_enrolled(cast, driver):
    with pytest.raises(FaceNotEnrolled):
        check(driver)


def test_a_photo_that_cannot_be_judged_is_refused_and_is_no_failure(cast, driver):
    enrol(cast, driver)
    with pytest.raises(FacePhotoRefused) as refused:
        check(driver, faces=2)
    assert refused.value.extra["reason"] == "several_faces"
    assert not FaceCheck.objects.exists()


def test_a_photo_shown_again_later_fails_whoever_shows_it(cast, driver):
    enrol(cast, driver)
    enrol(cast, cast.other_driver)
    assert check(driver).result == "passed"
    later = NOON + timedelta(minutes=11)
    replayed = check(driver, at=later)
    assert (replayed.result, replayed.refusal) == ("failed", "face_image_replayed")
    assert check(cast.other_driver, at=later).refusal == "face_image_replayed"


def test_a_photo_of_the_enrolment_is_no_selfie(cast, driver):
    enrol(cast, driver)
    looked = PaintedFaces.looked
    assert check(driver, take=1).refusal == "face_image_replayed"
    assert PaintedFaces.looked == looked


def test_a_phone_that_lost_the_answer_gets_the_same_check(cast, driver):
    enrol(cast, driver)
    first = check(driver)
    assert check(driver, at=NOON + timedelta(minutes=9)).pk == first.pk


def test_after_three_failures_only_staff_or_time_helps(cast, driver):
    enrol(cast, driver)
    tries = [check(driver, 2, take, at=NOON + timedelta(minutes=take)) for take in (1, 2, 3)]
    assert [each.attempt for each in tries] == [1, 2, 3]
    with pytest.raises(FaceAttemptsUsedUp) as refused:
        check(driver, at=NOON + timedelta(minutes=4))
    assert refused.value.retry_after_s == 57 * 60
    services.set_aside_face_check(
        driver, actor=cast.actor(), reason="I see him", at=NOON + timedelta(minutes=5)
    )
    assert check(driver, at=NOON + timedelta(minutes=6)).attempt == 1


def test_time_gives_the_tries_back(cast, driver):
    enrol(cast, driver)
    for take in (1, 2, 3):
        check(driver, 2, take)
    assert check(driver, at=NOON + timedelta(minutes=61)).result == "passed"


def test_photos_that_are_looked_at_are_limited_whatever_comes_of_them(cast, driver):
    enrol(cast, driver, at=NOON)
    for number in range(19):
        with pytest.raises(FacePhotoRefused):
            check(driver, faces=0, at=NOON + timedelta(seconds=number))
    with pytest.raises(TooManyAttempts):
        check(driver, at=NOON + timedelta(minutes=1))


def test_without_an_engine_a_check_says_so_and_is_no_failure(cast, driver, monkeypatch):
    enrol(cast, driver)
    monkeypatch.setattr(PaintedFaces, "is_down", True)
    made = check(driver)
    assert (made.result, made.refusal) == ("unavailable", "face_engine_unavailable")
    monkeypatch.setattr(PaintedFaces, "is_down", False)
    assert check(driver, at=NOON + timedelta(minutes=20)).result == "passed"


def test_every_use_is_audited(cast, driver):
    enrol(cast, driver)
    made = check(driver)
    entry = AuditEntry.objects.get(action="face.checked")
    assert (entry.object_id, entry.actor) == (str(made.pk), str(own(driver)))
    assert entry.changes == {"result": ["", "passed"]}


def test_the_database_takes_no_pass_beyond_its_threshold(cast, driver):
    enrol(cast, driver)
    check(driver)
    for wrong in ("distance = 0.51", "distance = NULL", "threshold = NULL", "refusal = 'x'"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE drivers_facecheck SET {wrong}")


# --- Set aside, withdrawn, forgotten -------------------------------------------------------------
def test_a_check_is_set_aside_with_a_reason_by_somebody_else(cast, driver):
    with pytest.raises(ReasonRequired):
        services.set_aside_face_check(driver, actor=cast.actor(), reason=" ")
    with pytest.raises(OwnFaceCheck):
        services.set_aside_face_check(driver, actor=own(driver), reason="it is me")
    made = services.set_aside_face_check(driver, actor=cast.actor(), reason="I see her")
    assert (made.result, made.reason, made.actor) == ("overridden", "I see her", str(cast.actor()))
    assert AuditEntry.objects.get(action="face.checked").reason == "I see her"


def test_withdrawn_consent_ends_every_comparison_at_once(cast, driver):
    template = enrol(cast, driver)
    check(driver)
    assert services.withdraw_face(driver, actor=own(driver)) is True
    assert not FaceTemplate.objects.exists()
    assert FaceCheck.objects.get().image_hash is None
    with pytest.raises(FaceNotEnrolled):
        check(driver, take=10)
    with pytest.raises(KeyDestroyed):  # a copy of the row is void as well
        face_services._opened(template)
    assert services.withdraw_face(driver, actor=own(driver)) is False


def leave(cast, driver, at):
    services.leave_driver(driver, actor=cast.actor(), reason="moves away", at=at)
    driver.refresh_from_db()


def test_thirty_days_after_leaving_nothing_is_left(cast, driver):
    enrol(cast, driver, at=NOON)
    check(driver)
    enrol(cast, cast.other_driver, person=2, at=NOON)
    leave(cast, driver, NOON + timedelta(days=1))
    assert services.forget_faces(NOON + timedelta(days=30, hours=23)) == 0
    assert services.forget_faces(NOON + timedelta(days=31)) == 1
    assert FaceTemplate.objects.get().driver == cast.other_driver
    assert FaceCheck.objects.get(driver=driver).image_hash is None
    assert services.forget_faces(NOON + timedelta(days=32)) == 0
    entry = AuditEntry.objects.get(action="face.withdrawn")
    assert (entry.actor, entry.reason) == ("system:faces", "left 30 days ago")


def test_the_days_count_from_the_last_leaving(cast, driver):
    enrol(cast, driver, at=NOON)
    leave(cast, driver, NOON)
    services.reinstate_driver(
        driver, actor=cast.actor(), reason="stays", at=NOON + timedelta(days=1)
    )
    driver.refresh_from_db()
    assert services.forget_faces(NOON + timedelta(days=60)) == 0
    leave(cast, driver, NOON + timedelta(days=50))
    services.terminate_driver(
        driver, actor=cast.actor(), reason="gone", at=NOON + timedelta(days=70)
    )
    assert services.forget_faces(NOON + timedelta(days=79)) == 0
    assert services.forget_faces(NOON + timedelta(days=80)) == 1
    assert DriverEvent.objects.filter(driver=driver).exists()


def turn(cast, mode, at, value="face_check"):
    change_policy(cast.a, actor=cast.actor(), values={value: mode}, at=at)


def test_thirty_days_after_a_company_stopped_asking_nothing_is_left(cast, driver):
    enrol(cast, driver, at=NOON)
    check(driver)
    ask_for_faces(cast.b)
    enrol(cast, cast.foreign_driver, at=NOON)
    turn(cast, "never", NOON + timedelta(days=1))
    assert services.forget_faces(NOON + timedelta(days=30, hours=23)) == 0
    assert services.forget_faces(NOON + timedelta(days=31)) == 1
    assert FaceTemplate.objects.get().driver == cast.foreign_driver
    assert FaceCheck.objects.get(driver=driver).image_hash is None
    assert services.forget_faces(NOON + timedelta(days=32)) == 0
    entry = AuditEntry.objects.get(action="face.withdrawn")
    assert (entry.actor, entry.reason) == ("system:faces", "not asked for 30 days")


def test_a_company_that_asks_again_or_at_log_in_keeps_what_it_has(cast, driver):
    enrol(cast, driver, at=NOON)
    turn(cast, "never", NOON)
    turn(cast, "always", NOON + timedelta(days=29))
    assert services.forget_faces(NOON + timedelta(days=60)) == 0
    turn(cast, "new_phone", NOON + timedelta(days=61), "face_login")
    turn(cast, "never", NOON + timedelta(days=62))
    assert services.forget_faces(NOON + timedelta(days=100)) == 0
    turn(cast, "never", NOON + timedelta(days=101), "face_login")
    assert services.forget_faces(NOON + timedelta(days=130)) == 0
    assert services.forget_faces(NOON + timedelta(days=131)) == 1


def test_who_leaves_is_no_longer_compared(cast, driver):
    enrol(cast, driver)
    leave(cast, driver, NOON)
    for use in (lambda: enrol(cast, driver), lambda: check(driver)):
        with pytest.raises(DriverNotActive):
            use()
    assert services.withdraw_face(driver, actor=own(driver)) is True


@pytest.mark.django_db(transaction=True)
def test_of_eight_wrong_faces_at_once_exactly_three_are_compared():
    cast = Cast()
    ask_for_faces(cast.a)
    driver = cast.driver
    enrol(cast, driver, at=NOON)
    results = at_once([lambda take=take: check(driver, 2, take) for take in range(8)])
    assert sorted(r.attempt for r in results if isinstance(r, FaceCheck)) == [1, 2, 3], results
    assert sum(isinstance(r, FaceAttemptsUsedUp) for r in results) == 5, results


def test_who_finds_both_programs_busy_is_told_to_come_again(monkeypatch):
    """Before anything starts, so that it shows without the engine's packages as well."""
    monkeypatch.setattr(dlib_engine, "WAIT_S", 0.01)
    monkeypatch.setattr(dlib_engine, "PACKAGES", ())
    monkeypatch.setattr(dlib_engine.importlib.metadata, "version", lambda package: "0")
    engine = dlib_engine.DlibEngine()
    for _ in range(dlib_engine.AT_ONCE):
        dlib_engine._places.acquire()
    try:
        with pytest.raises(FaceEngineBusy):
            engine.look([b"a photo"])
    finally:
        for _ in range(dlib_engine.AT_ONCE):
            dlib_engine._places.release()


@pytest.mark.django_db(transaction=True)
def test_of_32_photos_at_once_exactly_twenty_are_looked_at():
    cast = Cast()
    ask_for_faces(cast.a)
    enrol(cast, cast.driver, at=NOON - timedelta(hours=2))
    results = at_once([lambda n=n: check(cast.driver, take=n, faces=0) for n in range(32)])
    assert sum(isinstance(r, FacePhotoRefused) for r in results) == 20, results
    assert sum(isinstance(r, TooManyAttempts) for r in results) == 12, results
