"""Files of records that people and programs hand in, and what is wrong with their rows."""

from django.db import models
from django.db.models import Q

from fleets.models.base import ProviderModel
from voltop.jobs import Job


class DataImport(ProviderModel):
    """A file whose rows become records of one kind, or (a dry run) are only judged.

    How far it is stands in its `job`; `actor` is who asked for it. `content` is the file, sealed,
    kept until its rows are done, of a dry run for a week (it may be wanted for real), then emptied:
    it holds data about people.
    """

    kind = models.CharField(max_length=40)
    file_name = models.CharField(max_length=200)
    file_sha256 = models.CharField(max_length=64)
    delimiter = models.CharField(max_length=1, default=",")
    dry_run = models.BooleanField(default=False)
    actor = models.CharField(max_length=80)
    job = models.OneToOneField(Job, models.PROTECT, related_name="+")
    content = models.BinaryField()
    created_count = models.PositiveIntegerField(default=0)
    updated_count = models.PositiveIntegerField(default=0)
    refused_count = models.PositiveIntegerField(default=0)

    @property
    def state(self) -> str:
        """Queued, running, done or failed: the job's."""
        return self.job.state

    def get_state_display(self) -> str:
        return self.job.get_state_display()

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="") & ~Q(file_name=""), name="fleets_dataimport_named"
            )
        ]
        indexes = [
            models.Index(fields=["provider", "kind", "file_sha256"], name="fleets_dataimport_file"),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.kind})"


class DataImportProblem(ProviderModel):
    """One thing that is wrong with one row of a file; `column` is empty where it is the whole row.

    No value of the row is kept. Only the first thousand rows are told of; all are counted.
    """

    data_import = models.ForeignKey(DataImport, models.PROTECT, related_name="problems")
    row_number = models.PositiveIntegerField()
    column = models.CharField(max_length=120, blank=True)
    code = models.CharField(max_length=60)
    detail = models.CharField(max_length=500)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"row {self.row_number}: {self.code}"
