"""A kept file on its way out: saved, never shown as a page, whatever a browser makes of it.

Called only by a view that has checked who asks. Not here: files that we write (`voltop.exports`).
"""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from voltop.files.store import read
from voltop.tables import StoredFile

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


def download(stored: StoredFile) -> HttpResponse:
    """The file as an attachment. Raises what `read` does (`errors.OF_READING`)."""
    response = HttpResponse(read(stored), content_type=stored.content_type, headers=HEADERS)
    response["Content-Disposition"] = content_disposition_header(True, stored.name)
    return response
