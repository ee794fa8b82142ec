"""Voltop's frame: settings, composition root and the shared kernel that every app builds upon.

The kernel (everything but settings, urls, asgi, wsgi, celery, embedded and demo) imports no app.
"""

from voltop.celery import app as celery_app

__all__ = ["celery_app"]
