"""Settings of the test suite: the same system, cheaper hashing, no connection pool."""

import os

from voltop.settings.base import *  # noqa: F403
from voltop.settings.base import DATABASES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"]["OPTIONS"].pop("pool", None)
DATABASES["default"]["TEST"] = {
    "NAME": None,
    "TEMPLATE": os.environ.get("VOLTOP_TEST_TEMPLATE"),  # named by the pytest plugin
}
ROLE_CACHE_S = 86_400  # read once, before the first test: query counts do not depend on the clock
CELERY_TASK_ALWAYS_EAGER = False
SOCKET_THREADS = 0  # sockets work in the test's own transaction
FACE_ENGINE = "drivers.tests.painted_faces.PaintedFaces"  # sees what a test has painted
