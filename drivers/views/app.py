"""The driver's app at `/driver/`: a page that can be installed, its manifest and its worker.

Served is a shell, the same for everybody: texts in the language of the request and addresses.
Whatever is somebody's comes from the API, asked for by the page with the driver's own tokens.
"""

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from voltop import content_security

FOLDER = "drivers/app"
MODULES = (
    "app.js",
    "api.js",
    "booking.js",
    "face.js",
    "files.js",
    "page.js",
    "pay.js",
    "screens.js",
    "store.js",
)
FILES = (*MODULES, "app.css", "icon-192.png", "icon-512.png")
WORKER = "worker.js"
POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'"],
    "connect-src": ["'self'"],
    "manifest-src": ["'self'"],
    "worker-src": ["'self'"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
    "frame-ancestors": ["'none'"],
}
"""Stricter than the admin's: no code made of texts, no style in the page, no form that leaves."""

FEATURES = "geolocation=(self), camera=(), microphone=(), payment=(), usb=()"
"""What the page may ask the phone for: where it is, for a call for help. Photos are files to it."""

_WORD = re.compile(r'\bt\(\s*"((?:[^"\\]|\\.)*)"')


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The shell. `?lang=` chooses its language, which a cookie keeps."""
    chosen = request.GET.get("lang", "")
    language = chosen if chosen in dict(settings.LANGUAGES) else translation.get_language()
    with translation.override(language):
        context = {
            "language": language,
            "words": {word: gettext(word) for word in words()},
            "config": {
                "worker": reverse("driver-worker"),
                "scope": reverse("driver-app"),
                "languages": [
                    {"code": code, "name": _own_name(code)} for code, _ in settings.LANGUAGES
                ],
            },
        }
        shown = render(request, "drivers/app.html", context)
    if chosen == language:
        shown.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen,
            max_age=365 * 24 * 3600,
            secure=settings.HTTPS,
            httponly=True,
            samesite="Lax",
        )
    shown[content_security.HEADER] = content_security.header(POLICY)
    shown["Permissions-Policy"] = FEATURES
    patch_vary_headers(shown, ("Cookie",))
    return _asked_again(shown)


@require_safe
def manifest(request: HttpRequest) -> HttpResponseBase:
    """What a phone wants to know to put the page on its home screen."""
    icons = [
        {
            "src": static(f"{FOLDER}/icon-{size}.png"),
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": "any maskable",
        }
        for size in (192, 512)
    ]
    told = {
        "id": reverse("driver-app"),
        "name": "Voltop",
        "short_name": "Voltop",
        "start_url": reverse("driver-app"),
        "scope": reverse("driver-app"),
        "display": "standalone",
        "orientation": "portrait",
        "background_color": "#f5f3f7",
        "theme_color": "#7a0bc8",
        "icons": icons,
    }
    content = json.dumps(told)
    return _asked_again(HttpResponse(content, content_type="application/manifest+json"))


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker: another text, and so another cache, once any file of the app changes."""
    shell = reverse("driver-app")
    files = [static(f"{FOLDER}/{name}") for name in FILES] + [static("voltop/favicon.svg")]
    told = {"version": version(), "shell": shell, "files": files}
    script = f"const TOLD = {json.dumps(told)};\n{_read(WORKER)}"
    answer = HttpResponse(script, content_type="text/javascript; charset=utf-8")
    answer[content_security.HEADER] = "default-src 'none'; connect-src 'self'"
    return _asked_again(answer)


def _own_name(code: str) -> str:
    """A language as its speakers call it."""
    name: str = translation.get_language_info(code)["name_local"]
    return name[:1].upper() + name[1:]


def _asked_again(answer: HttpResponse) -> HttpResponse:
    """A browser asks whether it is still so, each time."""
    answer["Cache-Control"] = "no-cache"
    return answer


@cache
def words() -> tuple[str, ...]:
    """Every text that the app's modules show, as they stand in them: `t("…")`."""
    found = {json.loads(f'"{word}"') for name in MODULES for word in _WORD.findall(_read(name))}
    return tuple(sorted(found))


@cache
def version() -> str:
    """Of the files and the shell's own template: what they hold, in short."""
    own = render_to_string("drivers/app.html", {"words": {}, "config": {}, "language": ""})
    told = [_bytes(name) for name in (*FILES, WORKER)] + [own.encode()]
    return hashlib.sha256(b"\0".join(told)).hexdigest()[:16]


def _bytes(name: str) -> bytes:
    path: Any = finders.find(f"{FOLDER}/{name}")
    return Path(path).read_bytes()


def _read(name: str) -> str:
    return _bytes(name).decode()
