"""The supervisor by itself: what it does with children that die, hang or leave others behind."""

import os
import signal
import sys
import time

import pytest

from voltop.embedded.process import ServiceError
from voltop.embedded.services import Claim
from voltop.embedded.supervisor import Child, Supervisor, listen
from voltop.tests.embedded_instance import free_port

NOWHERE = "http://127.0.0.1:9/livez"


@pytest.fixture
def supervisor(tmp_path, monkeypatch):
    monkeypatch.setattr("voltop.embedded.supervisor._POLL_S", 0.01)
    claim = Claim(tmp_path)
    supervisor = Supervisor(claim)
    yield supervisor
    supervisor.stop()
    claim.close()


def child(tmp_path, program: str, name: str = "child") -> Child:
    return Child(name, [sys.executable, "-c", program], tmp_path / f"{name}.log")


def test_a_child_that_never_comes_up_is_reported_with_its_last_words(supervisor, tmp_path):
    broken = child(tmp_path, "raise SystemExit('no such table')")
    supervisor.launch(broken)
    with pytest.raises(ServiceError, match=r"child did not start .*child\.log\):\nno such table"):
        supervisor.wait_until_answering(broken, NOWHERE, wait_s=30)


def test_a_silent_child_is_given_up_after_a_while(supervisor, tmp_path):
    silent = child(tmp_path, "import time; time.sleep(60)")
    supervisor.launch(silent)
    begun = time.monotonic()
    with pytest.raises(ServiceError, match="child did not start"):
        supervisor.wait_until_answering(silent, NOWHERE, wait_s=0.3)
    assert time.monotonic() - begun >= 0.3


def test_a_child_that_keeps_dying_ends_the_whole(supervisor, tmp_path, capsys):
    dying = child(tmp_path, "raise SystemExit('again')")
    supervisor.launch(dying)
    with pytest.raises(ServiceError, match=r"child keeps ending \(exit code 1, "):
        supervisor.watch()
    assert dying.log.read_text().count("again") == 5
    assert capsys.readouterr().out.count("is started again") == 4


def test_a_child_that_the_rest_can_do_without_is_given_up_alone(supervisor, tmp_path, capsys):
    dying = child(tmp_path, "raise SystemExit('again')", "dying")
    dying.essential = False
    needed = child(tmp_path, "import time; time.sleep(1); raise SystemExit('again')", "needed")
    supervisor.launch(dying)
    supervisor.launch(needed)
    with pytest.raises(ServiceError, match="needed keeps ending"):  # watched on, long after
        supervisor.watch()
    assert dying.log.read_text().count("again") == 5
    assert "dying keeps ending" in capsys.readouterr().out


def test_a_deaf_child_and_its_own_child_are_killed_in_time(supervisor, tmp_path):
    program = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "if os.fork() == 0: time.sleep(60)\n"
        f"open({str(tmp_path / 'ready')!r}, 'w').close()\n"
        "time.sleep(60)\n"
    )
    supervisor.launch(child(tmp_path, program))
    while not (tmp_path / "ready").exists():
        time.sleep(0.01)
    assert len(supervisor.claim.lifeline.holders()) == 2
    begun = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - begun < 5
    while supervisor.claim.lifeline.holders():  # the orphan is reaped by init, soon
        assert time.monotonic() - begun < 10


def test_children_get_their_log_and_a_large_one_is_put_aside(supervisor, tmp_path, monkeypatch):
    monkeypatch.setattr("voltop.embedded.supervisor._LOG_MAX_BYTES", 10)
    spoken = child(tmp_path, "print('new words')")
    spoken.log.write_text("old words, many of them\n")
    supervisor.launch(spoken)
    spoken.process.wait()
    assert spoken.log.read_text() == "new words\n"
    assert spoken.log.with_name("child.log.1").read_text() == "old words, many of them\n"
    assert spoken.last_lines() == "new words"


def test_children_do_not_see_the_terminals_interrupt(supervisor, tmp_path):
    started = child(tmp_path, "import time; time.sleep(60)")
    supervisor.launch(started)
    assert os.getsid(started.process.pid) == started.process.pid != os.getsid(0)
    assert started.process.poll() is None
    supervisor.stop()
    assert started.process.returncode == -signal.SIGTERM


def test_a_taken_port_is_named():
    port = free_port()
    with (
        listen("127.0.0.1", port),
        pytest.raises(ServiceError, match=rf"port {port} .* cannot be used \(Address already"),
    ):
        listen("127.0.0.1", port)


def test_a_port_beyond_the_last_one_is_named():
    with pytest.raises(ServiceError, match=r"port 99999 .* cannot be used \(ports end at 65535\)"):
        listen("127.0.0.1", 99999)
