"""Settings of the test suite: the same system, cheaper hashing, no connection pool."""

from voltop.settings.base import *  # noqa: F403
from voltop.settings.base import DATABASES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"]["OPTIONS"].pop("pool")
DATABASES["default"]["TEST"] = {"NAME": None}
CELERY_TASK_ALWAYS_EAGER = False
