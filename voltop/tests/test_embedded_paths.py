"""Folders, addresses and secrets of an embedded instance."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from voltop.embedded import paths
from voltop.settings.databases import database_config

# The longest names that PostgreSQL and Valkey put into the folder of sockets.
SOCKET_NAMES = (".s.PGSQL.5432.lock", "valkey.sock")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VOLTOP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VOLTOP_REDIS_BASE_DB", raising=False)
    monkeypatch.setattr(paths, "service_account", lambda: None)
    return tmp_path / "home"


def test_home_is_in_the_checkout_unless_named(monkeypatch):
    monkeypatch.delenv("VOLTOP_HOME")
    assert paths.home() == paths.CHECKOUT / ".voltop"
    monkeypatch.setenv("VOLTOP_HOME", "")
    assert paths.home() == paths.CHECKOUT / ".voltop"
    monkeypatch.setenv("VOLTOP_HOME", "/somewhere/else/../here")
    assert paths.home() == Path("/somewhere/here")


@pytest.mark.parametrize(
    "where",
    [
        "/srv/voltop",
        "/srv/" + "deep/" * 40 + "voltop",
        "/srv/with space",
        "/srv/100%",
        "/srv/ñandú",
    ],
)
def test_sockets_have_short_plain_addresses_wherever_the_folder_is(where, monkeypatch):
    monkeypatch.setattr(paths, "service_account", lambda: None)
    run_dir = paths.layout(Path(where)).run_dir
    assert all(len(str(run_dir / name)) <= 107 for name in SOCKET_NAMES)
    assert str(run_dir).isascii()
    assert not set(str(run_dir)) & set(" %?#")


def test_two_folders_never_share_sockets(monkeypatch):
    monkeypatch.setattr(paths, "service_account", lambda: None)
    long = "/srv/" + "deep/" * 40
    assert paths.layout(Path(long + "a")).run_dir != paths.layout(Path(long + "b")).run_dir


def test_addresses_name_the_sockets_of_the_home(folder, monkeypatch):
    run = paths.layout().run_dir
    assert database_config(paths.database_url()) | {"ENGINE": ""} == {
        "ENGINE": "",
        "NAME": "voltop",
        "USER": "voltop",
        "PASSWORD": "",
        "HOST": str(run),
        "PORT": "",
    }
    assert paths.redis_url(2) == f"unix://{run}/valkey.sock?db=2"
    assert paths.celery_broker_url() == f"redis+socket://{run}/valkey.sock?virtual_host=0"
    monkeypatch.setenv("VOLTOP_REDIS_BASE_DB", "16")
    assert paths.redis_url(2) == f"unix://{run}/valkey.sock?db=18"


def test_root_moves_the_services_out_of_a_folder_that_others_cannot_enter(tmp_path):
    account = paths.Account("nobody", 65534, 65534)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    moved = paths._layout(closed / "home", account)
    assert moved.relocated
    assert moved.service_home.parent == Path("/var/lib")
    assert moved.home == closed / "home"


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "expected"),
    [
        (0o711, 1, 1, True),
        (0o755, 1, 1, True),
        (0o700, 1, 1, False),
        (0o744, 1, 1, False),
        (0o700, 9, 1, True),
        (0o677, 9, 1, False),
        (0o710, 1, 9, True),
        (0o701, 1, 9, False),
    ],
)
def test_passing_a_folder_takes_the_bit_that_applies(mode, uid, gid, expected):
    assert paths.may_pass(mode, uid, gid, paths.Account("service", 9, 9)) is expected


def test_a_secret_is_made_once_and_read_by_its_owner_only(folder):
    first = paths.local_secret("token")
    assert len(first) == 64
    assert paths.local_secret("token") == first
    assert paths.local_secret("other") != first
    kept = folder / "secrets" / "token"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert sorted(path.name for path in kept.parent.iterdir()) == ["other", "token"]


def test_all_who_ask_at_once_get_the_same_secret(folder):
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(paths.local_secret, ["token"] * 200))) == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgres://app:p%40ss@db.example:5433/fleet",
            ("db.example", 5433, "app", "p@ss", "fleet"),
        ),
        ("postgresql://app@//run/Volt-op/fleet", ("/run/Volt-op", "", "app", "", "fleet")),
        ("postgres://app@%2Frun%2FVolt-op/fleet", ("/run/Volt-op", "", "app", "", "fleet")),
        ("postgres://app:x@%2frun%2fpg:5433/fleet", ("/run/pg", 5433, "app", "x", "fleet")),
        ("postgres://%2Frun%2Fpg/fleet", ("/run/pg", "", "", "", "fleet")),
    ],
)
def test_a_database_url_may_name_a_host_or_a_socket(url, expected):
    config = database_config(url)
    assert tuple(config[k] for k in ("HOST", "PORT", "USER", "PASSWORD", "NAME")) == expected
    assert config["ENGINE"] == "django.db.backends.postgresql"


def test_parameters_of_a_database_url_become_options():
    config = database_config("postgres://app@db/fleet?sslmode=require&application_name=x")
    assert config["OPTIONS"] == {"sslmode": "require", "application_name": "x"}
