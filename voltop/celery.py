"""The Celery app and the whole beat schedule, in one place.

Tasks never hold truth: PostgreSQL does. A schedule entry with a time of day uses crontab, a sweep
plain seconds; each has `expires`, so that a worker coming back does not run a pile of old rings.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voltop.settings.base")

app = Celery("voltop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_schedule = {}
