"""The caller's address, as limits see it."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The caller's address as limits see it: IPv4 whole, IPv6 by its /64 network.

    Behind `TRUSTED_PROXIES` proxies it is that many steps from the right of X-Forwarded-For, which
    the outermost of our own proxies wrote; what the caller put further left is not believed.
    """
    address = str(request.META.get("REMOTE_ADDR") or "")
    if settings.TRUSTED_PROXIES:
        steps = [s.strip() for s in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        address = steps[-min(settings.TRUSTED_PROXIES, len(steps))] or address
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)
