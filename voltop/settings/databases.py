"""Reads a PostgreSQL URL into Django's form, socket addresses and options included.

django-environ does it but for two gaps: a socket folder written as `%2F…` where the host stands
(the form libpq documents) keeps its percent signs, and it knows nothing of our own options.
"""

import re
from typing import Any
from urllib.parse import unquote

import environ

_SOCKET_HOST = re.compile(r"^(?P<scheme>[a-z]+)://(?P<user>[^/@]*@)?(?P<host>%2[fF][^/:?]*)")


def database_config(url: str) -> dict[str, Any]:
    """Django's settings for `url`; parameters behind `?` (sslmode, …) go to OPTIONS."""
    socket_host = _SOCKET_HOST.match(url)
    if socket_host:
        scheme, user = socket_host["scheme"], socket_host["user"] or ""
        url = f"{scheme}://{user}{url[socket_host.end() :]}"
    config = dict(environ.Env.db_url_config(url))
    if socket_host:
        config["HOST"] = unquote(socket_host["host"])
    return config
