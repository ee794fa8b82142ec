"""dlib's engine on real photos: who is told apart, what passes, what is refused, what it costs.

`make faces` installs the engine and unpacks the photos, and ends with the figures as JSON. Without
them these proofs are skipped; how the rest behaves then is proven here all the same.
"""

import importlib.util
import json
import time
from collections.abc import Callable
from itertools import combinations

import pytest

from drivers import services
from drivers.errors import FaceEngineUnavailable, FacePhotoRefused, FacePhotosDisagree
from drivers.faces import Face, dlib_engine
from drivers.faces.dlib_engine import DlibEngine
from drivers.faces.forbidden import forbidden_files
from drivers.faces.judging import MAX_TURN, distance, the_face
from drivers.tests import face_photos
from drivers.tests.painted_faces import ask_for_faces, enrol
from voltop import files
from voltop.context import Actor
from voltop.embedded.paths import CHECKOUT

INSTALLED = all(importlib.util.find_spec(name) for name in dlib_engine.PACKAGES)
real = [
    pytest.mark.slow,
    pytest.mark.skipif(not INSTALLED, reason="requirements-faces.txt is not installed"),
    pytest.mark.skipif(not face_photos.there(), reason="photos are not unpacked: make faces"),
]
REPORT = CHECKOUT / "build" / "faces.json"
DEFAULT = 0.5


def with_real_photos(test: Callable) -> Callable:
    for mark in real:
        test = mark(test)
    return test


@pytest.fixture(scope="module", autouse=True)
def patient():
    """What is proven here is no matter of a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dlib_engine, "WAIT_S", 120)
        yield


@pytest.fixture(scope="module")
def figures():
    """What was measured, written where `make faces` reads it."""
    measured: dict[str, object] = {}
    yield measured
    if measured:
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n")


def prepared(picture) -> bytes:
    """As a service gets it: through the program that decodes photos."""
    raw = picture if isinstance(picture, bytes) else face_photos.jpeg(picture)
    return files.prepare(raw).content


def look(*pictures) -> list[list[Face]]:
    return DlibEngine().look([prepared(picture) for picture in pictures])


@pytest.fixture(scope="module")
def known(patient) -> dict[str, Face]:
    """The one face of each person's photo."""
    people = face_photos.people()
    found = DlibEngine().look([face_photos.jpeg(picture) for picture in people.values()])
    assert [len(faces) for faces in found] == [1] * len(people)
    return {who: faces[0] for who, faces in zip(people, found, strict=True)}


# --- Whether or not it is installed --------------------------------------------------------------
def test_without_its_packages_the_engine_says_that_it_is_not_there(monkeypatch):
    monkeypatch.setattr(dlib_engine, "PACKAGES", ("no_such_package",))
    with pytest.raises(FaceEngineUnavailable) as refused:
        DlibEngine()
    assert refused.value.retry_after_s


def test_a_program_that_dies_is_an_engine_that_is_not_there():
    """On what is no photo, or for want of its packages."""
    with pytest.raises(FaceEngineUnavailable):
        DlibEngine.answer_to([b"no photo"])


def test_no_model_file_that_may_not_be_used_is_installed():
    assert forbidden_files() == []


# --- On real photos ------------------------------------------------------------------------------
@with_real_photos
def test_nine_people_are_told_apart(known, figures):
    apart = {
        f"{one} / {other}": distance(known[one].embedding, known[other].embedding)
        for one, other in combinations(known, 2)
    }
    nearest = min(apart, key=lambda pair: apart[pair])
    figures["people"] = len(known)
    figures["pairs_of_different_people"] = len(apart)
    figures["nearest_of_different_people"] = {nearest: round(apart[nearest], 3)}
    assert len(apart) == 36
    assert apart[nearest] > DEFAULT + 0.05


@with_real_photos
@pytest.mark.parametrize("who", ["collins", "hopper"])
def test_what_happens_to_photos_in_life_is_borne(known, figures, who):
    picture = face_photos.people()[who]
    seen = look(*(alter(picture) for alter in face_photos.ALTERED.values()))
    apart = {
        name: round(distance(known[who].embedding, the_face(faces).embedding), 3)
        for name, faces in zip(face_photos.ALTERED, seen, strict=True)
    }
    figures[f"same_photo_altered_{who}"] = apart
    assert max(apart.values()) <= 0.4


@with_real_photos
@pytest.mark.parametrize("who", ["collins", "hopper"])
def test_what_cannot_be_judged_is_refused_with_a_right_reason(figures, who):
    picture, told = face_photos.people()[who], {}
    seen = look(*(spoil(picture) for spoil, _reasons in face_photos.SPOILT.values()))
    for (name, (_spoil, reasons)), faces in zip(face_photos.SPOILT.items(), seen, strict=True):
        with pytest.raises(FacePhotoRefused) as refused:
            the_face(faces)
        told[name] = refused.value.extra["reason"]
        assert told[name] in reasons, name
    figures[f"refused_{who}"] = told


@with_real_photos
def test_turned_heads_covered_faces_and_crowds_are_refused(figures):
    people = face_photos.people()
    cases = {
        "a head turned to one side": (people["crowd 5, turned"], "not_frontal"),
        "a head turned and tilted": (people["crowd 6, turned"], "not_frontal"),
        "six people": (face_photos.opened(face_photos.CROWD), "several_faces"),
        **{name: (face_photos.opened(name), "no_face") for name in face_photos.MASKED},
    }
    seen = look(*(picture for picture, _reason in cases.values()))
    for (name, (_picture, reason)), faces in zip(cases.items(), seen, strict=True):
        with pytest.raises(FacePhotoRefused) as refused:
            the_face(faces)
        assert refused.value.extra["reason"] == reason, name
    figures["masks_with_a_face_found"] = sum(map(bool, seen[3:]))


@with_real_photos
def test_a_phone_held_sideways_is_turned_upright_before_it_is_looked_at(known):
    picture = face_photos.people()["collins"]
    says, silent = look(
        face_photos.held(picture, 6, 90, said=True), face_photos.held(picture, 6, 90, said=False)
    )
    assert distance(known["collins"].embedding, the_face(says).embedding) < 0.2
    assert silent == []


@with_real_photos
@pytest.mark.parametrize("who", ["collins", "hopper"])
def test_a_photo_of_a_photo_passes_which_is_why_liveness_is_not_checked(known, figures, who):
    [faces] = look(face_photos.recaptured(face_photos.people()[who]))
    apart = distance(known[who].embedding, the_face(faces).embedding)
    figures[f"photo_of_a_photo_{who}"] = round(apart, 3)
    assert apart <= DEFAULT


@with_real_photos
def test_what_a_look_costs_stays_in_bounds(figures):
    picture = prepared(face_photos.people()["hopper"])
    begun = time.monotonic()
    one = DlibEngine.answer_to([picture])["figures"]
    took_s = time.monotonic() - begun
    five = DlibEngine.answer_to([picture] * 5)["figures"]
    figures["one_photo"] = {**one, "whole_s": round(took_s, 3)}
    figures["five_photos"] = five
    assert five["memory_mb"] < 300


# --- Pose: measured, and not promised ------------------------------------------------------------
TURNED = ("crowd 5, turned", "crowd 6, turned")


def pose_of(faces: list[Face], base: Face) -> dict[str, float]:
    """Empty where no one face is found."""
    if len(faces) != 1:
        return {}
    apart = distance(base.embedding, faces[0].embedding)
    return {"turn": round(faces[0].turn, 3), "distance": round(apart, 3)}


@with_real_photos
def test_a_turned_head_reads_otherwise_than_a_frontal_one_and_mirrored_the_other_way(
    known, figures
):
    people = face_photos.people()
    mirrors = look(*(face_photos.mirrored(picture) for picture in people.values()))
    shown = {
        who: {"turn": round(known[who].turn, 3), "mirrored": pose_of(faces, known[who])}
        for who, faces in zip(people, mirrors, strict=True)
    }
    figures["pose_of_real_heads"] = shown
    for who, pose in shown.items():
        assert (abs(pose["turn"]) > MAX_TURN) == (who in TURNED), who
        assert abs(pose["turn"] + pose["mirrored"]["turn"]) <= 0.03, who


@with_real_photos
@pytest.mark.parametrize("who", ["collins", "hopper"])
def test_a_print_that_is_turned_or_bent_reads_less_than_a_turned_head(known, figures, who):
    """Up to where it is no longer taken for the same person."""
    picture = face_photos.people()[who]
    seen = look(*(move(picture) for move in face_photos.MOVED.values()))
    poses = {
        name: pose_of(faces, known[who])
        for name, faces in zip(face_photos.MOVED, seen, strict=True)
    }
    figures[f"pose_moved_{who}"] = poses
    passing = [pose["turn"] for pose in poses.values() if pose and pose["distance"] <= DEFAULT]
    assert len(passing) >= 8
    assert max(map(abs, passing)) < MAX_TURN
    assert max(abs(poses[f"head tilted {by}"]["turn"]) for by in (10, 20)) <= 0.05


@with_real_photos
def test_a_photo_of_a_photo_of_a_turned_head_reads_as_turned(known, figures):
    """So whoever has such a photo answers a challenge by pose with it. One is not even found."""
    seen = look(*(face_photos.recaptured(face_photos.people()[who]) for who in TURNED))
    poses = {who: pose_of(faces, known[who]) for who, faces in zip(TURNED, seen, strict=True)}
    figures["pose_photo_of_a_photo"] = poses
    found = [pose for pose in poses.values() if pose]
    assert found
    assert all(abs(each["turn"]) > MAX_TURN for each in found)
    assert all(each["distance"] <= DEFAULT for each in found)


@with_real_photos
@pytest.mark.django_db
def test_from_enrolment_to_check_with_the_real_engine(cast, settings, figures):
    settings.FACE_ENGINE = "drivers.faces.dlib_engine.DlibEngine"
    ask_for_faces(cast.a)
    people, altered = face_photos.people(), face_photos.ALTERED

    def photo(who: str, how: str) -> files.Prepared:
        return services.prepare_photo(face_photos.jpeg(altered[how](people[who])))

    three = ["mirrored", "half as bright", "half again as large"]
    mixed = [photo("collins", three[0]), photo("collins", three[1]), photo("hopper", three[2])]
    with pytest.raises(FacePhotosDisagree):
        enrol(cast, cast.driver, photos=mixed)
    template = enrol(cast, cast.driver, photos=[photo("collins", how) for how in three])
    own = Actor("user", cast.driver.user_id, cast.a.pk)

    def check(who: str, how: str):
        return services.check_face(cast.driver, actor=own, photo=photo(who, how))

    same, other = check("collins", "head tilted 10 degrees"), check("hopper", "grey")
    assert (same.result, other.result, other.refusal) == ("passed", "failed", "face_mismatch")
    assert check("collins", "mirrored").refusal == "face_image_replayed"
    assert (template.model, same.engine) == ("dlib-resnet-v1/5-point", DlibEngine().version)
    figures["engine"] = same.engine
    figures["template_to_same_person"] = round(same.distance, 3)
    figures["template_to_another_person"] = round(other.distance, 3)
