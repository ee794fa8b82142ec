"""Named places at which a process can be killed on purpose, to prove that nothing is lost there.

`VOLTOP_FAIL_AT=name` kills the process (SIGKILL: no clean-up runs) the first time it comes by,
`VOLTOP_FAIL_AT=name:3` the third time. Without the variable a point does nothing.
"""

import os
import signal
from collections import Counter

VARIABLE = "VOLTOP_FAIL_AT"

_hits: Counter[str] = Counter()


def hit(name: str) -> None:
    """Pass the point `name`; the process ends here if it was asked to."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    target, _, count = wanted.partition(":")
    if target != name:
        return
    _hits[name] += 1
    if _hits[name] >= int(count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
