"""Reading a request's body within bounds: length, encoding, gzip.

Not here: what the bytes mean (`voltop.api.parsers`); the telemetry ingest reads its bytes here and
decodes them on its own.
"""

import zlib
from typing import IO

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError

from voltop.api import errors


def read_body(
    request: HttpRequest,
    *,
    max_bytes: int | None = None,
    gzip_max_bytes: int | None = None,
) -> bytes:
    """The body as bytes, inflated if it came as gzip and the route takes that.

    `max_bytes` bounds what comes over the line (default: settings.API_BODY_MAX_BYTES);
    `gzip_max_bytes`, the inflated size: None refuses gzip. The bytes stay readable for later calls.
    Raises BodyTooLarge (413), UnsupportedEncoding (415), BadGzip (400).
    """
    limit = settings.API_BODY_MAX_BYTES if max_bytes is None else max_bytes
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding not in ("", "identity") and (encoding != "gzip" or gzip_max_bytes is None):
        raise errors.UnsupportedEncoding()
    raw = _raw_body(request, limit)
    if encoding == "gzip" and gzip_max_bytes is not None:
        return inflate(raw, gzip_max_bytes)
    return raw


def _raw_body(request: HttpRequest, limit: int) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or ""
    if length and not (length.isascii() and length.isdigit()):
        raise errors.BadRequest()
    if length and int(length) > limit:
        raise errors.BodyTooLarge(limit_bytes=limit)
    if not hasattr(request, "_body") and not length and "HTTP_TRANSFER_ENCODING" in request.META:
        request._body = _read_chunked(request, limit)
    try:
        raw = request.body
    except RequestDataTooBig as error:
        raise errors.BodyTooLarge(limit_bytes=limit) from error
    except UnreadablePostError as error:
        raise errors.BadRequest() from error
    if len(raw) > limit:
        raise errors.BodyTooLarge(limit_bytes=limit)
    return raw


def _read_chunked(request: HttpRequest, limit: int) -> bytes:
    """A body without a stated length: WSGI servers that end the stream themselves give it whole."""
    environ = getattr(request, "environ", None)
    if environ is None or not environ.get("wsgi.input_terminated"):
        return request.body
    stream: IO[bytes] = environ["wsgi.input"]
    parts, size = [], 0
    while size <= limit and (part := stream.read(limit + 1 - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def inflate(raw: bytes, max_bytes: int) -> bytes:
    """Unpack one complete gzip member without ever holding more than `max_bytes` + 1 of output."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        data = unpacker.decompress(raw, max_bytes + 1)
    except zlib.error as error:
        raise errors.BadGzip() from error
    if len(data) > max_bytes:
        raise errors.BodyTooLarge(limit_bytes=max_bytes)
    if not unpacker.eof or unpacker.unused_data:
        raise errors.BadGzip()
    return data
