"""Files of records that wait for their rows are sealed."""

from django.db import migrations

from voltop.crypto import encrypt


def seal_files(apps, schema_editor):
    """What stood in clear; files that are kept no longer are empty."""
    imports = apps.get_model("fleets", "DataImport").objects.exclude(content=b"")
    for pk in list(imports.values_list("pk", flat=True)):
        work = imports.get(pk=pk)
        sealed = encrypt(
            subject="fleets.import_files",
            provider_id=work.provider_id,
            context=f"fleets_dataimport|content|{work.job_id}",
            plaintext=bytes(work.content),
        )
        imports.filter(pk=pk).update(content=sealed)


class Migration(migrations.Migration):

    dependencies = [("fleets", "0014_socket_tickets"), ("voltop", "0007_sealed_answers")]

    operations = [migrations.RunPython(seal_files)]
