"""National ids are sealed under each driver's key; a fingerprint finds equal ones."""

from django.db import migrations, models

from drivers.identities import columns_of
from voltop.crypto import KeyDestroyed


def seal_national_ids(apps, schema_editor):
    """What stood in clear, under each driver's key; of an erased driver nothing is kept."""
    drivers = apps.get_model("drivers", "Driver").objects.exclude(national_id="")
    rows = drivers.values_list("pk", "provider_id", "national_id")
    for driver_id, provider_id, number in rows.iterator():
        try:
            sealed = columns_of(driver_id, provider_id, number)
        except KeyDestroyed:
            continue
        drivers.filter(pk=driver_id).update(**sealed)


class Migration(migrations.Migration):

    dependencies = [
        ("drivers", "0005_own_day"),
        ("voltop", "0006_stored_files"),
    ]

    operations = [
        migrations.AddField(
            model_name="driver",
            name="identity_fingerprint",
            field=models.BinaryField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="driver",
            name="identity_sealed",
            field=models.BinaryField(default=b""),
        ),
        migrations.RunPython(seal_national_ids),
        migrations.RemoveIndex(model_name="driver", name="drivers_driver_by_identity"),
        migrations.RemoveField(model_name="driver", name="national_id"),
        migrations.AddIndex(
            model_name="driver",
            index=models.Index(
                condition=models.Q(("identity_fingerprint__isnull", False)),
                fields=["provider", "identity_fingerprint"],
                name="drivers_driver_by_identity",
            ),
        ),
    ]
