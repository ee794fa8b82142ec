"""Kept answers of requests with an Idempotency-Key are sealed."""

from django.db import migrations

from voltop.crypto import FORMAT, encrypt


def seal_answers(apps, schema_editor):
    """What stood in clear; what begins as a ciphertext does is one (JSON never does)."""
    keys = apps.get_model("voltop", "IdempotencyKey").objects.exclude(body=b"")
    for pk, provider_id, body in keys.values_list("pk", "provider_id", "body").iterator():
        if bytes(body[:1]) != FORMAT:
            sealed = encrypt(
                subject="voltop.answers",
                provider_id=provider_id,
                context=f"voltop_idempotencykey|body|{pk}",
                plaintext=bytes(body),
            )
            keys.filter(pk=pk).update(body=sealed)


class Migration(migrations.Migration):

    dependencies = [("voltop", "0006_stored_files")]

    operations = [migrations.RunPython(seal_answers)]
