"""Which pages may open a socket: our own. Programs send no Origin; all need a ticket."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host


def is_ours(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the handshake comes from a page of ours, or from no page.

    Ours are PUBLIC_URL, CSRF_TRUSTED_ORIGINS, and the address that was asked for, by the scheme we
    are served by. ALLOWED_HOSTS alone allows nothing: it may hold names of others, or a star.
    """
    origin = headers.get(b"origin")
    if origin is None:
        return True
    told = origin.decode("latin1")
    public = urlsplit(settings.PUBLIC_URL)
    named = {f"{public.scheme}://{public.netloc}", *settings.CSRF_TRUSTED_ORIGINS}
    host = headers.get(b"host", b"").decode("latin1")
    if "*" not in settings.ALLOWED_HOSTS and _is_allowed(host):
        named.add(f"{'https' if settings.HTTPS else 'http'}://{host}")
    return told in named


def _is_allowed(host: str) -> bool:
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
