"""The overlap constraint of proposals as `voltop.constraints` writes it: only Django's state moves.

The house's form also asks that `starts_at` is not null, which the column itself demands; the
constraint in the database says the same and is not built again.
"""

from django.contrib.postgres import constraints
from django.contrib.postgres.fields import BigIntegerRangeField, DateTimeRangeField
from django.db import migrations
from django.db.models import F, Func, Q, Value

NO_OVERLAP = constraints.ExclusionConstraint(
    name="shifts_proposal_no_overlap",
    condition=Q(starts_at__isnull=False, vehicle__isnull=False)
    & Q(state__in=("proposed", "accepted", "rejected")),
    expressions=[
        (
            Func(
                F("vehicle"),
                F("vehicle"),
                Value("[]"),
                function="int8range",
                output_field=BigIntegerRangeField(),
            ),
            "&&",
        ),
        (
            Func(
                F("starts_at"),
                F("ends_at"),
                Value("[)"),
                function="tstzrange",
                output_field=DateTimeRangeField(),
            ),
            "&&",
        ),
    ],
    violation_error_code="proposal_overlap",
)


class Migration(migrations.Migration):
    dependencies = [("shifts", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("shiftproposal", "shifts_proposal_no_overlap"),
                migrations.AddConstraint("shiftproposal", NO_OVERLAP),
            ]
        )
    ]
