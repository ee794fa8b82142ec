"""System checks that refuse a bad deployment (voltop.E0xx).

A deployment counts as public as soon as it answers to a name that is not this very machine's.
The checks of the database run where Django looks at it: `migrate`, and `check --database default`.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]", "testserver"})
SECRET_KEY_MIN_LENGTH = 50
FINGERPRINT_KEY_MIN_LENGTH = 32
KEY_BYTES = 32
POSTGRES_MIN_VERSION = 150000
DATABASE_FACTS = (
    "SELECT rolname::text, rolsuper OR rolbypassrls,"
    " current_setting('server_version_num')::int, current_setting('server_encoding')"
    " FROM pg_roles WHERE rolname = current_user"
)


def is_public() -> bool:
    """Whether any host name we answer to can belong to another machine's request."""
    return bool(set(settings.ALLOWED_HOSTS) - LOCAL_HOSTS)


def needs_own_secrets() -> bool:
    """Secrets made up on the spot will do for demo, development and tests, nowhere else."""
    return not settings.DEMO and (is_public() or not settings.EMBEDDED)


@register(Tags.compatibility)
def check_time(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Instants are UTC everywhere; local time is computed where a day or week is bounded."""
    if settings.TIME_ZONE == "UTC" and settings.USE_TZ and settings.CELERY_TIMEZONE == "UTC":
        return []
    return [
        Error(
            "TIME_ZONE and CELERY_TIMEZONE must be UTC and USE_TZ on.",
            hint="A provider's time zone is in its policy; the process has none of its own.",
            id="voltop.E001",
        )
    ]


@register(Tags.security)
def check_debug(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Debug pages show settings and code to whoever asks."""
    if settings.DEBUG and is_public():
        return [
            Error(
                "VOLTOP_DEBUG is on while VOLTOP_ALLOWED_HOSTS names a public host.",
                hint="Switch it off, or answer to 127.0.0.1 only.",
                id="voltop.E002",
            )
        ]
    return []


@register(Tags.security)
def check_secret_key(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Sessions and signed links stand on SECRET_KEY."""
    try:
        key = settings.SECRET_KEY
    except ImproperlyConfigured:  # Django's way of saying that it is empty
        key = ""
    if len(key) >= SECRET_KEY_MIN_LENGTH:
        return []
    return [
        Error(
            f"VOLTOP_SECRET_KEY is missing or shorter than {SECRET_KEY_MIN_LENGTH} characters.",
            hint="python -c 'import secrets; print(secrets.token_urlsafe(48))'",
            id="voltop.E003",
        )
    ]


@register(Tags.security)
def check_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Keys that wrap stored secrets, sign access tokens, and find equal values without reading."""
    lists = (
        ("MASTER_KEYS", settings.MASTER_KEYS, "voltop.E004"),
        ("TOKEN_SIGNING_KEYS", settings.TOKEN_SIGNING_KEYS, "voltop.E005"),
    )
    messages: list[CheckMessage] = [
        Error(
            f"VOLTOP_{name} is missing, or not a list of id:base64 pairs of 32 bytes, ids unique.",
            hint=f"VOLTOP_{name}=k1:$(head -c 32 /dev/urandom | base64); the first is in use.",
            id=id_,
        )
        for name, keys, id_ in lists
        if (needs_own_secrets() or keys) and not keys_are_sound(keys)
    ]
    if needs_own_secrets() and len(settings.FINGERPRINT_KEY) < FINGERPRINT_KEY_MIN_LENGTH:
        messages.append(
            Error(
                "VOLTOP_FINGERPRINT_KEY is missing or shorter than "
                f"{FINGERPRINT_KEY_MIN_LENGTH} characters.",
                hint="Any random text, as for VOLTOP_SECRET_KEY; never change it.",
                id="voltop.E011",
            )
        )
    return messages


def keys_are_sound(entries: Sequence[str]) -> bool:
    """Whether there are entries, each `id:base64` of 32 bytes, no id twice."""
    ids = [entry.partition(":")[0] for entry in entries]
    if not ids or not all(ids) or len(set(ids)) != len(ids):
        return False
    try:
        keys = [base64.b64decode(entry.partition(":")[2], validate=True) for entry in entries]
    except binascii.Error:
        return False
    return all(len(key) == KEY_BYTES for key in keys)


@register(Tags.security)
def check_services(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The embedded servers are for demo, development and tests."""
    messages: list[CheckMessage] = []
    if settings.EMBEDDED and is_public() and not settings.DEMO:
        messages.append(
            Error(
                "The embedded PostgreSQL and Valkey are not for a public deployment.",
                hint="Set DATABASE_URL and REDIS_URL.",
                id="voltop.E006",
            )
        )
    if bool(settings.REDIS_URL) == settings.EMBEDDED:
        messages.append(
            Error(
                "DATABASE_URL and REDIS_URL are set together or not at all.",
                hint="Without both, the embedded servers are used.",
                id="voltop.E007",
            )
        )
    return messages


@register(Tags.security)
def check_messages(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Codes open accounts: they go to people, not into a log."""
    messages: list[CheckMessage] = []
    if needs_own_secrets() and not settings.EMAIL_URL:
        messages.append(
            Error(
                "VOLTOP_EMAIL_URL is missing: codes and invitations would go to the console.",
                hint="smtp+tls://user:password@host:587",
                id="voltop.E012",
            )
        )
    if needs_own_secrets() and settings.SMS_TRANSPORT == "fleets.messages.print_sms":
        messages.append(
            Warning(
                "VOLTOP_SMS_GATEWAY_URL is missing: people with a phone only get no codes.",
                hint="An HTTP gateway (docs/notices.md), or a function in VOLTOP_SMS_TRANSPORT.",
                id="voltop.W002",
            )
        )
    return messages


@register(Tags.security)
def check_demo(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The demo's log-ins are known to everybody who can read, and nobody is asked for more."""
    if settings.DEMO and not settings.EMBEDDED:
        return [
            Error(
                "VOLTOP_DEMO is on while DATABASE_URL names servers of your own.",
                hint="Its passwords are public and it asks for no second factor: unset one.",
                id="voltop.E013",
            )
        ]
    if settings.DEMO and is_public():
        return [
            Warning(
                "VOLTOP_DEMO is on while VOLTOP_ALLOWED_HOSTS names a public host.",
                hint="The demo's passwords are public: never keep real data in it.",
                id="voltop.W001",
            )
        ]
    return []


@register(Tags.database)
def check_database(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **kwargs: Any
) -> list[CheckMessage]:
    """A plain role on a server that is new enough and speaks UTF-8."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        with connections[alias].cursor() as cursor:
            cursor.execute(DATABASE_FACTS)
            messages += database_problems(*cursor.fetchone())
    return messages


def database_problems(
    role: str, privileged: bool, version: int, encoding: str
) -> list[CheckMessage]:
    """What is wrong with a connection of which DATABASE_FACTS says this."""
    messages: list[CheckMessage] = []
    if privileged:
        messages.append(
            Error(
                f"The database role {role} is a superuser or bypasses row-level security.",
                hint="Connect as a plain role that owns the database.",
                id="voltop.E008",
            )
        )
    if version < POSTGRES_MIN_VERSION:
        messages.append(Error("PostgreSQL 15 or newer is needed.", id="voltop.E009"))
    if encoding != "UTF8":
        messages.append(
            Error(f"The database's encoding is {encoding}, not UTF8.", id="voltop.E010")
        )
    return messages
