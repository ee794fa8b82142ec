"""Who may end a driver's work with money matters still open."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("drivers", "0006_sealed_national_ids")]

    operations = [
        migrations.AlterModelOptions(
            name="driver",
            options={
                "ordering": ("id",),
                "permissions": [
                    ("terminate_driver", "Can end a driver's work for good"),
                    (
                        "override_settlement",
                        "Can end it with money matters still open, with a reason",
                    ),
                    ("view_identity", "Can see a driver's identity number and date of birth"),
                    ("own_day", "Can use the driver's app"),
                ],
            },
        ),
    ]
