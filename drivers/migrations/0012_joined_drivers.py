"""Drivers' records tell whether the person has taken them up.

Of people who can log in, those that are past invited by the person's own answer are, and so is the
first company that they stood at: nothing changes for who drives already. Any other record may be
one that staff moved on for a stranger, and waits until the person names the company, as they must
at every request anyway.
"""

from django.db import migrations, models

JOINED = """
UPDATE drivers_driver d SET joined_at = d.created_at
FROM fleets_user u
WHERE u.id = d.user_id
  AND (u.last_login IS NOT NULL OR (u.password <> '' AND u.password NOT LIKE '!%'))
  AND EXISTS (
    SELECT FROM drivers_driverevent e
    WHERE e.driver_id = d.id AND e.to_state = 'onboarding' AND (
      e.actor = 'user:' || d.user_id
      OR NOT EXISTS (
        SELECT FROM drivers_driver first WHERE first.user_id = d.user_id AND first.id < d.id
      ) AND NOT EXISTS (
        SELECT FROM fleets_membership m
        WHERE m.user_id = d.user_id AND m.provider_id <> d.provider_id
          AND m.joined_at < d.created_at
      )
    )
  )
"""


class Migration(migrations.Migration):

    dependencies = [
        ('drivers', '0011_erase_driver'),
        ('fleets', '0020_joined_memberships'),
    ]

    operations = [
        migrations.AddField(
            model_name='driver',
            name='joined_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.RunSQL(JOINED, migrations.RunSQL.noop),
    ]
