"""One scene, many tries: what was built once is as before after each of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def undone() -> Iterator[None]:
    """What is written in here has not been written afterwards. Rows must be read anew: objects in
    memory keep what they were told, and people made in here are gone.
    """
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
