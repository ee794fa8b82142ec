"""No value of the environment opens an account: peers had one that every log-in took as its code.

The deployment check of the same promise (log-ins known to everybody): `voltop.E013`.
"""

import base64
import json
import os
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from fleets.tests.logins import PASSWORD, make_user
from voltop.settings import base
from voltop.tests.embedded_instance import free_port
from voltop.tests.real_processes import running, wait_until, web
from voltop.tests.test_postgres_restarts import answers

WORD = "424242"
OF_PEERS = (
    "BYPASS_VERIFICATION_CODE", "SMS_BYPASS_CODE", "SMS_AUTH_BYPASS_CODE", "TEST_OTP",
    "OTP_BYPASS", "MASTER_PASSWORD", "UNIVERSAL_CODE",
)  # fmt: skip
READ = re.compile(r"""env\.(?:str|list)\(\s*f?"([A-Z_{}a-z]+)\"""")
NO_FREE_TEXT = {
    "DATABASE_URL", "REDIS_URL", "VOLTOP_ALLOWED_HOSTS", "VOLTOP_CSRF_TRUSTED_ORIGINS",
    "VOLTOP_PUBLIC_URL", "VOLTOP_TOKEN_SIGNING_KEYS", "VOLTOP_SECOND_FACTOR_ROLES",
    "VOLTOP_MASTER_KEYS", "VOLTOP_FINGERPRINT_KEY", "VOLTOP_EMAIL_URL", "VOLTOP_STATIC_ROOT",
    "VOLTOP_FILES_URL", "VOLTOP_MAP_GROUND_URL", "VOLTOP_LOG_LEVEL", "VOLTOP_SMS_TRANSPORT",
    "VOLTOP_PUSH_TRANSPORT", "VOLTOP_{channel}_GATEWAY_URL", "VOLTOP_SANDBOX_BANK_URL",
    "VOLTOP_OUTBOUND_ALLOWED", "VOLTOP_SECRET_KEY",
}  # fmt: skip
"""What must have a form of its own for a server to start."""
KEY = f"k1:{base64.b64encode(bytes(32)).decode()}"
SECRETS = {
    "VOLTOP_SECRET_KEY": "s" * 50,
    "VOLTOP_FINGERPRINT_KEY": "f" * 32,
    "VOLTOP_MASTER_KEYS": KEY,
    "VOLTOP_TOKEN_SIGNING_KEYS": KEY,
}


def words() -> dict[str, str]:
    """The word in every variable that may hold any text, and in those that peers had."""
    source = Path(base.__file__).read_text()
    read = set(READ.findall(source))
    assert read > NO_FREE_TEXT
    free = {name.format(channel=c) for name in read - NO_FREE_TEXT for c in ("SMS", "PUSH")}
    prefixed = {f"VOLTOP_{name}" for name in OF_PEERS}
    return dict.fromkeys(sorted(free | set(OF_PEERS) | prefixed), WORD)


def post(port: int, path: str, **body: str) -> tuple[int, dict[str, object]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/auth/{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_no_value_of_the_environment_is_a_code_or_a_password(tmp_path, settings):
    settings.PASSWORD_HASHERS = base.PASSWORD_HASHERS
    ana, port = make_user("ana@example.com"), free_port()
    env = words()
    assert {"SANDBOX_BANK_TOKEN", "VOLTOP_SMS_GATEWAY_TOKEN", "VOLTOP_METRICS_TOKEN"} <= set(env)
    assert not set(env) & set(os.environ)
    server = web(tmp_path / "web.log", port, **SECRETS, **env)
    with running(server):
        wait_until(lambda: answers(port), within_s=120, meanwhile=server.still_lives)
        new = "a much better one"
        for purpose, path, more in (
            ("login", "code-login", {}),
            ("password", "password-reset", {"new_password": new}),
        ):
            status, asked = post(port, "codes", login=ana.email, purpose=purpose)
            assert status == 202, asked
            challenge = str(asked["challenge"])
            status, refused = post(port, path, challenge=challenge, code=WORD, **more)
            assert (status, refused["code"]) == (401, "invalid_code")
        status, refused = post(port, "token", login=ana.email, password=WORD)
        assert (status, refused["code"]) == (401, "invalid_credentials")
        assert post(port, "token", login=ana.email, password=PASSWORD)[0] == 200
