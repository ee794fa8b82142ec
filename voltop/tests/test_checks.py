"""The system checks: a sound deployment passes, and each fault is named."""

import base64

import pytest
from django.core import checks as django_checks

from voltop import checks
from voltop.embedded import paths
from voltop.embedded.postgres import connect_as_superuser
from voltop.tests.embedded_instance import needs_embedded_services

KEY = base64.b64encode(bytes(32)).decode()
PUBLIC = ["fleet.example"]


@pytest.fixture
def production(settings):
    """What a deployment on servers of its own sets."""
    settings.ALLOWED_HOSTS = PUBLIC
    settings.EMBEDDED = False
    settings.REDIS_URL = "redis://redis.example:6379"
    settings.SECRET_KEY = "s" * 50
    settings.MASTER_KEYS = [f"k1:{KEY}"]
    settings.TOKEN_SIGNING_KEYS = [f"k1:{KEY}"]
    settings.FINGERPRINT_KEY = "f" * 32
    settings.EMAIL_URL = "smtp://mail.example"
    settings.SMS_TRANSPORT = "gateway.send"
    return settings


def found() -> list[str]:
    return sorted(m.id for m in django_checks.run_checks() if m.id.startswith("voltop."))


def test_a_sound_deployment_passes(production):
    assert found() == []


def test_demo_development_and_tests_pass_without_any_key(settings):
    assert settings.EMBEDDED
    assert settings.MASTER_KEYS == settings.TOKEN_SIGNING_KEYS == []
    assert found() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"TIME_ZONE": "America/Bogota"}, ["voltop.E001"]),
        ({"USE_TZ": False}, ["voltop.E001"]),
        ({"CELERY_TIMEZONE": "Europe/Madrid"}, ["voltop.E001"]),
        ({"DEBUG": True}, ["voltop.E002"]),
        ({"SECRET_KEY": ""}, ["voltop.E003"]),
        ({"SECRET_KEY": "s" * 49}, ["voltop.E003"]),
        ({"MASTER_KEYS": []}, ["voltop.E004"]),
        ({"TOKEN_SIGNING_KEYS": []}, ["voltop.E005"]),
        ({"FINGERPRINT_KEY": ""}, ["voltop.E011"]),
        ({"EMAIL_URL": ""}, ["voltop.E012"]),
        ({"SMS_TRANSPORT": "fleets.messages.print_sms"}, ["voltop.W002"]),
        ({"REDIS_URL": ""}, ["voltop.E007"]),
        ({"EMBEDDED": True, "REDIS_URL": ""}, ["voltop.E006"]),
        ({"EMBEDDED": True}, ["voltop.E006", "voltop.E007"]),
        ({"DEMO": True}, ["voltop.E013"]),
        ({"DEMO": True, "EMBEDDED": True, "REDIS_URL": ""}, ["voltop.W001"]),
    ],
)
def test_each_fault_of_a_public_deployment_is_named(production, changes, expected):
    for name, value in changes.items():
        setattr(production, name, value)
    assert found() == expected


def test_debug_is_fine_on_this_very_machine(settings):
    settings.DEBUG = True
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
    assert found() == []


def test_known_log_ins_are_refused_on_servers_of_ones_own_even_without_a_public_name(production):
    production.ALLOWED_HOSTS = ["127.0.0.1"]
    production.DEMO = True
    assert found() == ["voltop.E013"]


def test_servers_of_ones_own_need_keys_even_without_a_public_name(production):
    production.ALLOWED_HOSTS = ["localhost"]
    production.MASTER_KEYS = []
    assert found() == ["voltop.E004"]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([f"a:{KEY}"], True),
        ([f"a:{KEY}", f"b:{KEY}"], True),
        ([], False),
        ([f"a:{KEY}", f"a:{KEY}"], False),
        ([f":{KEY}"], False),
        (["a:"], False),
        (["a"], False),
        ([f"a:{KEY}%"], False),
        ([f"a:{base64.b64encode(bytes(31)).decode()}"], False),
    ],
)
def test_keys_are_pairs_of_a_unique_id_and_32_bytes(entries, expected):
    assert checks.keys_are_sound(entries) is expected


@pytest.mark.django_db
def test_the_applications_own_role_passes():
    assert checks.check_database(None, ["default"]) == []


@needs_embedded_services
def test_a_superuser_as_the_applications_role_is_refused():
    with connect_as_superuser(paths.layout().run_dir) as connection:
        facts = connection.execute(checks.DATABASE_FACTS).fetchone()
    assert [message.id for message in checks.database_problems(*facts)] == ["voltop.E008"]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (("voltop", False, 150000, "UTF8"), []),
        (("voltop", False, 140019, "UTF8"), ["voltop.E009"]),
        (("voltop", False, 180004, "SQL_ASCII"), ["voltop.E010"]),
        (("root", True, 140019, "LATIN1"), ["voltop.E008", "voltop.E009", "voltop.E010"]),
    ],
)
def test_faults_of_the_database_are_named(facts, expected):
    assert [message.id for message in checks.database_problems(*facts)] == expected
