"""The app: its shell, manifest and worker; what it may load; its words in each language."""

import json
import re
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from PIL import Image

from drivers.views import app
from voltop import texts
from voltop.tests.pages import inline_scripts

PAGE, WORKER, MANIFEST = "/driver/", "/driver/worker.js", "/driver/manifest.webmanifest"
OWN = "/static/drivers/app/worker.js"  # a browser keeps its worker by itself
FOLDER = Path(settings.BASE_DIR) / "drivers" / "static" / "drivers" / "app"
BRACED = re.compile(r"\{\w+\}")


def content_of(answer) -> bytes:
    return b"".join(answer) if answer.streaming else answer.content


def policy(answer):
    parts = (part.split() for part in answer["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in parts}


def test_the_shell_runs_nothing_but_its_own_files(client, db):
    answer = client.get(PAGE)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-cache")
    rules = policy(answer)
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == ["'self'"]
    assert (rules["default-src"], rules["frame-ancestors"]) == (["'none'"], ["'none'"])
    assert (rules["form-action"], rules["base-uri"]) == (["'none'"], ["'none'"])
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Permissions-Policy"].startswith("geolocation=(self)")
    assert inline_scripts(answer.content) == []
    assert b"<style" not in answer.content
    assert b" style=" not in answer.content


def test_the_shell_is_the_same_for_whoever_asks(client, cast):
    before = client.get(PAGE).content
    client.force_login(cast.dispatcher)
    answer = client.get(PAGE)
    assert answer.content == before
    assert not answer.cookies


def test_everything_that_the_shell_names_is_there(client, db):
    html = client.get(PAGE).content.decode()
    addresses = re.findall(r'(?:src|href)="(/[^"]+)"', html)
    assert len(addresses) >= 5
    for address in addresses:
        assert client.get(address).status_code == 200, address
    assert re.findall(r"https?://(?!www\.w3\.org/)", html) == []


@pytest.mark.parametrize("method", ["post", "put", "delete"])
@pytest.mark.parametrize("path", [PAGE, WORKER, MANIFEST])
def test_nothing_is_sent_to_it(client, db, path, method):
    assert getattr(client, method)(path).status_code in (403, 405)


def test_the_manifest_makes_it_installable(client, db):
    answer = client.get(MANIFEST)
    told = json.loads(answer.content)
    assert answer["Content-Type"] == "application/manifest+json"
    assert (told["start_url"], told["scope"], told["display"]) == (PAGE, PAGE, "standalone")
    for icon in told["icons"]:
        picture = Image.open(BytesIO(content_of(client.get(icon["src"]))))
        assert "x".join(map(str, picture.size)) == icon["sizes"]


def test_the_worker_keeps_the_shell_and_no_answer_of_the_api(client, db):
    answer = client.get(WORKER)
    script = answer.content.decode()
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Cache-Control"] == "no-cache"
    kept = json.loads(re.search(r"const TOLD = (.*);", script)[1])["files"]
    assert not [path for path in kept if "/api/" in path]
    for path in kept:
        assert client.get(path).status_code == 200, path
    known = {f"/static/drivers/app/{path.name}" for path in FOLDER.iterdir()} - {OWN}
    assert known <= set(kept), "a file that is not kept is missing without a network"


def test_another_file_is_another_worker(client, db, monkeypatch):
    before = client.get(WORKER).content
    real = app._bytes
    monkeypatch.setattr(app, "_bytes", lambda name: real(name) + b" ")
    app.version.cache_clear()
    try:
        assert client.get(WORKER).content != before
    finally:
        app.version.cache_clear()


def test_modules_make_no_markup_and_no_code_of_texts():
    for name in app.MODULES:
        text = (FOLDER / name).read_text()
        found = re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)
        assert found == [], name
        assert "localStorage" not in text, name
        assert re.findall(r"https?://", text) == [], name


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_word_of_the_app_is_there_in_each_language(language):
    known = texts.read(language)
    assert len(app.words()) > 100
    assert sorted(word for word in app.words() if not known.get(word)) == []
    for word in app.words():
        assert sorted(BRACED.findall(known[word])) == sorted(BRACED.findall(word)), word


@pytest.mark.parametrize(
    ("code", "start"),
    [("es", "Empezar el turno"), ("pt", "Começar o turno"), ("de", "Schicht beginnen")],
)
def test_it_speaks_the_language_of_the_phone_or_the_chosen_one(client, db, code, start):
    answer = client.get(PAGE, HTTP_ACCEPT_LANGUAGE=code)
    html = answer.content.decode()
    assert f'<html lang="{code}">' in html
    words = json.loads(re.search(r'id="words" type="application/json">(.*?)</script>', html)[1])
    assert words["Start the shift"] == start
    chosen = client.get(f"{PAGE}?lang={code}", HTTP_ACCEPT_LANGUAGE="en")
    assert chosen.cookies["django_language"].value == code
    assert client.get(PAGE, HTTP_ACCEPT_LANGUAGE="en").content.decode() == html


def test_a_language_that_there_is_not_changes_nothing(client, db):
    answer = client.get(f"{PAGE}?lang=xx", HTTP_ACCEPT_LANGUAGE="en")
    assert (b'<html lang="en">' in answer.content, bool(answer.cookies)) == (True, False)
