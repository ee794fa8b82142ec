"""Files of strangers: refused or written anew, kept sealed, handed out as what they are."""

import io
import resource

import pytest
from django.core.files.storage import storages
from django.db import connection, transaction
from PIL import Image

from voltop import crypto, files
from voltop.context import Actor
from voltop.errors import DomainError
from voltop.files import child, names, preparing
from voltop.files import errors as file_errors
from voltop.settings.files import storages as storages_of
from voltop.tables import StoredFile
from voltop.tests import files_corpus as corpus

SUBJECT = "drivers.driver:1"


@pytest.fixture
def here(monkeypatch):
    """What the child does, without a process for each file."""
    monkeypatch.setattr(preparing, "_looked_through", lambda raw, _actor: child.answer_to(raw))


def fate_of(case) -> str:
    try:
        prepared = files.prepare(case.make(), name=case.file_name)
    except DomainError as error:
        return error.code
    assert harmless(prepared), case.name
    return "kept"


def harmless(prepared) -> bool:
    if prepared.content_type == "application/pdf":
        return b"JavaScript" not in prepared.content
    image = Image.open(io.BytesIO(prepared.content))
    bare = not image.getexif() and set(image.info) <= {
        *("jfif", "jfif_version", "jfif_unit", "jfif_density")
    }
    return image.format == "JPEG" and bare and b"cnryScript" not in prepared.content


@pytest.mark.parametrize("case", [*corpus.IMAGES, *corpus.PDFS], ids=lambda case: case.name)
def test_what_wants_to_do_harm_is_refused_or_written_anew(case, here):
    assert fate_of(case) == case.fate


@pytest.mark.parametrize("case", corpus.OTHERS, ids=lambda case: case.name)
def test_what_is_no_photo_and_no_pdf_is_refused_unread(case):
    assert fate_of(case) == (case.fate or "unsupported_file")


@pytest.mark.slow
@pytest.mark.parametrize("case", [*corpus.IMAGES, *corpus.PDFS], ids=lambda case: case.name)
def test_the_child_says_the_same_within_its_bounds(case):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert fate_of(case) == case.fate
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_photo_is_turned_upright_by_a_child_of_its_own():
    made = files.prepare(corpus.held_sideways(), name="../licence.png")
    image = Image.open(io.BytesIO(made.content))
    assert (made.name, made.content_type, image.size) == ("licence.jpg", "image/jpeg", (40, 60))
    red, blue = image.getpixel((35, 30)), image.getpixel((5, 30))
    assert red[0] > 200 > 60 > red[2]
    assert blue[2] > 200 > 60 > blue[0]


@pytest.mark.parametrize(("made_of", "grey"), [("RGBA", 255), ("LA", 255), ("P", 0), ("L", 0)])
def test_what_shines_through_becomes_white(made_of, grey, here):
    out = io.BytesIO()
    Image.new(made_of, (8, 8), 0).save(out, "PNG")
    image = Image.open(io.BytesIO(files.prepare(out.getvalue()).content))
    assert image.getpixel((4, 4)) == pytest.approx((grey, grey, grey), abs=3)


def test_a_large_photo_is_made_smaller(here):
    image = Image.open(io.BytesIO(files.prepare(corpus.jpeg((3000, 1500))).content))
    assert image.size == (2000, 1000)


def test_a_child_that_dies_has_refused(monkeypatch, tmp_path):
    deadly = tmp_path / "child.py"
    deadly.write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setattr(preparing, "CHILD", deadly)
    with pytest.raises(file_errors.ImageTooLarge):
        files.prepare(corpus.jpeg())


def test_no_more_than_two_are_looked_through_at_once(monkeypatch):
    monkeypatch.setattr(preparing, "WAIT_S", 0)
    with (
        preparing._turn("user:1"),
        preparing._turn("user:2"),
        pytest.raises(file_errors.FilesBusy) as refused,
    ):
        files.prepare(corpus.jpeg())
    assert refused.value.retry_after_s == 5
    monkeypatch.setattr(preparing, "WAIT_S", 10)
    assert files.prepare(corpus.jpeg()).content_type == "image/jpeg"


def test_who_hands_in_many_leaves_a_place_to_others(monkeypatch):
    monkeypatch.setattr(preparing, "WAIT_S", 0)
    one, other = (Actor("user", number, 7) for number in (1, 2))
    with preparing._turn(str(one)):
        with pytest.raises(file_errors.FilesBusy):
            files.prepare(corpus.jpeg(), actor=one)
        monkeypatch.setattr(preparing, "WAIT_S", 10)
        assert files.prepare(corpus.jpeg(), actor=other).content_type == "image/jpeg"


@pytest.mark.parametrize("given", corpus.NAMES)
def test_a_name_keeps_nothing_that_acts(given):
    made = names.safe_name(given, "image/jpeg")
    assert made == corpus.NAMES[given]


# --- Keeping -------------------------------------------------------------------------------------
@pytest.fixture
def store(settings, tmp_path):
    settings.STORAGES = storages_of("", tmp_path)
    return tmp_path / "files"


@pytest.fixture
def kept(db, store):
    prepared = preparing.Prepared(b"cnryPaper " * 9, "image/jpeg", "licence.jpg")
    return files.keep(prepared, subject=SUBJECT, provider_id=7)


def blobs(store) -> list[bytes]:
    return [path.read_bytes() for path in store.rglob("*") if path.is_file()]


def test_a_file_is_readable_before_and_after_it_moves_and_sealed_in_both_places(kept, store):
    assert b"cnryPaper" not in bytes(kept.sealed)
    assert files.read(kept) == b"cnryPaper " * 9
    assert files.move_kept() == 1
    [blob] = blobs(store)
    assert b"cnryPaper" not in blob
    assert files.read(kept) == b"cnryPaper " * 9
    assert (files.move_kept(), len(blobs(store))) == (0, 1)


def test_a_file_belongs_to_its_person_and_row(kept):
    another = files.keep(
        preparing.Prepared(b"other", "image/jpeg", "x.jpg"), subject=SUBJECT, provider_id=7
    )
    StoredFile.objects.filter(pk=another.pk).update(sealed=kept.sealed)
    with pytest.raises(crypto.DecryptFailed):
        files.read(another)
    StoredFile.objects.filter(pk=kept.pk).update(subject="drivers.driver:2")
    kept.refresh_from_db()
    with pytest.raises(crypto.DecryptFailed):
        files.read(kept)


def test_erasing_the_person_voids_the_file_wherever_it_is(kept, store):
    files.move_kept()
    crypto.destroy(SUBJECT, 7)
    with pytest.raises(crypto.KeyDestroyed):
        files.read(kept)


def test_a_store_that_is_away_loses_nothing(kept, store):
    store.parent.joinpath("files").write_text("no folder")
    with pytest.raises(OSError, match="files"):
        files.move_kept()
    assert files.read(kept) == b"cnryPaper " * 9
    store.unlink()
    assert files.move_kept() == 1


def test_whoever_moves_a_file_second_leaves_nothing_behind(kept, store, monkeypatch):
    """Another worker has moved it while our copy was being written."""
    inner = storages["private"]
    save = type(inner).save

    def slow(self, name, content):
        place = save(self, name, content)
        StoredFile.objects.filter(place="").update(place="elsewhere", sealed=b"")
        return place

    monkeypatch.setattr(type(inner), "save", slow)
    assert (files.move_kept(), blobs(store)) == (0, [])


def test_a_file_is_promised_only_with_what_it_belongs_to(transactional_db, store):
    assert not connection.in_atomic_block
    prepared = preparing.Prepared(b"x", "image/jpeg", "x.jpg")
    with pytest.raises(RuntimeError):
        files.keep(prepared, subject=SUBJECT, provider_id=7)
    with transaction.atomic():
        files.keep(prepared, subject=SUBJECT, provider_id=7)
        transaction.set_rollback(True)
    assert not StoredFile.objects.exists()


def test_a_file_leaves_as_an_attachment_that_may_do_nothing(kept):
    StoredFile.objects.filter(pk=kept.pk).update(name='Führerschein "1".jpg')
    kept.refresh_from_db()
    answer = files.download(kept)
    assert answer.content == b"cnryPaper " * 9
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''F%C3%BChrer")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Cache-Control"] == "private, no-store"


def test_where_files_go_is_a_setting(tmp_path):
    url = "s3://papers/voltop?endpoint_url=https://s3.example&region_name=eu-1"
    private = storages_of(url, tmp_path)["private"]
    assert private["BACKEND"] == "storages.backends.s3.S3Storage"
    assert private["OPTIONS"] == {
        "bucket_name": "papers",
        "location": "voltop",
        "default_acl": None,
        "file_overwrite": False,
        "endpoint_url": "https://s3.example",
        "region_name": "eu-1",
    }
    with pytest.raises(ValueError, match="VOLTOP_FILES_URL"):
        storages_of("ftp://papers", tmp_path)
