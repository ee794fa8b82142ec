"""Leave 40 % of each page of the state table free: every update then stays on its page (HOT)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("vehicles", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE vehicles_vehiclestate SET (fillfactor = 60)",
            "ALTER TABLE vehicles_vehiclestate RESET (fillfactor)",
        ),
    ]
