"""The base of every table, and the kernel's own tables.

Not here: anything that belongs to a provider by foreign key (`fleets.models.ProviderModel`);
the kernel's tables carry a plain `provider_id`.
"""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class Model(models.Model):
    """A row that knows when it was made and how often it was changed.

    `updated_at` and `row_version` (the ETag) are set by one BEFORE UPDATE trigger, whoever writes;
    values assigned in Python are overwritten. A model with `append_only = True` refuses UPDATE,
    DELETE and TRUNCATE in the database, also to the owner of the table (`voltop.triggers`). One
    with `until_forgotten = True` too has rows that a company's term deletes, and nothing else.
    """

    append_only: ClassVar[bool] = False
    until_forgotten: ClassVar[bool] = False
    shared_catalogue: ClassVar[bool] = False
    """Rows that belong to no provider and may be read by all (vehicle models, public stations)."""

    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    row_version = models.BigIntegerField(db_default=1, editable=False)

    class Meta:
        abstract = True


from voltop import tables  # noqa: E402, F401  (Django looks for an app's tables here)
