"""A paper that was read from another register has no file."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("drivers", "0007_settlement"), ("voltop", "0007_sealed_answers")]

    operations = [
        migrations.AlterField(
            model_name="driverdocument",
            name="file",
            field=models.OneToOneField(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="voltop.storedfile",
            ),
        ),
    ]
