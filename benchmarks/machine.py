"""What the machine is, how busy others keep it, and how much CPU processes have used (/proc)."""

import importlib.metadata
import os
import platform
import time
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on (man 5 proc: field 3 is index 0 here)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def _pids() -> Iterable[int]:
    return (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))


def _seconds(fields: list[str], *, with_ended: bool = False) -> float:
    return sum(int(value) for value in fields[11 : 15 if with_ended else 13]) / _TICKS


def cpu_of_session(leader: int) -> float:
    """CPU seconds used so far by every living process of a session."""
    found = (_stat(pid) for pid in _pids())
    return sum(_seconds(fields) for fields in found if fields and int(fields[3]) == leader)


def cpu_of_children(parent: int) -> float:
    """CPU seconds of a process, its living children, and those that have ended."""
    own = _seconds(_stat(parent), with_ended=True)
    found = (_stat(pid) for pid in _pids())
    return own + sum(_seconds(fields) for fields in found if fields and int(fields[1]) == parent)


def busy_cpu() -> float:
    """CPU seconds that the whole machine has worked since it started."""
    values = [int(value) for value in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = values
    return (user + nice + system + irq + softirq + steal) / _TICKS


def memory_of_session(leader: int) -> int:
    """Resident bytes of every living process of a session."""
    page = os.sysconf("SC_PAGE_SIZE")
    found = (_stat(pid) for pid in _pids())
    return sum(int(fields[21]) * page for fields in found if fields and int(fields[3]) == leader)


def describe() -> dict[str, str]:
    """The machine in words."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": f"{os.cpu_count()} × {model}",
        "memory": f"{memory:.0f} GiB",
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def versions(names: Iterable[str]) -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in names}


def spin() -> float:
    """Seconds of wall time for a fixed piece of work: its spread over a run is the noise."""
    started = time.perf_counter()
    total = 0
    for number in range(400_000):
        total += number * number
    return time.perf_counter() - started
