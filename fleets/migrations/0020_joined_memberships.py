"""Memberships tell whether the person has taken them up.

Of those that stand, the ones of people who can log in are: nothing changes for who works already.
The others keep the name of the person where it was typed with this very invitation.
"""

from django.db import migrations, models

JOINED = """
UPDATE fleets_membership m SET joined_at = m.created_at
FROM fleets_user u
WHERE u.id = m.user_id
  AND (u.last_login IS NOT NULL OR (u.password <> '' AND u.password NOT LIKE '!%'))
"""
TYPED = """
UPDATE fleets_membership m SET invited_name = u.full_name
FROM fleets_user u
WHERE u.id = m.user_id AND m.joined_at IS NULL
  AND m.created_at - u.created_at < interval '1 minute'
"""


class Migration(migrations.Migration):

    dependencies = [
        ('fleets', '0019_driver_erasure'),
    ]

    operations = [
        migrations.AddField(
            model_name='membership',
            name='invited_name',
            field=models.CharField(blank=True, db_default='', default='', max_length=120),
        ),
        migrations.AddField(
            model_name='membership',
            name='joined_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.RunSQL([(JOINED, None), (TYPED, None)], migrations.RunSQL.noop),
    ]
