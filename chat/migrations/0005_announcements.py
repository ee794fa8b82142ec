"""Messages to many."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0004_canned_replies'),
        ('fleets', '0012_sandboxes'),
        ('voltop', '0005_task_states'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Announcement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('row_version', models.BigIntegerField(db_default=1, editable=False)),
                ('topic', models.CharField(choices=[('pay', 'pay'), ('vehicle', 'vehicle'), ('charging', 'charging'), ('accident', 'accident'), ('documents', 'documents'), ('other', 'other')], default='other', max_length=16)),
                ('body', models.TextField(max_length=4000)),
                ('audience', models.CharField(blank=True, max_length=24)),
                ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('depot', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fleets.depot')),
                ('job', models.OneToOneField(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='voltop.job')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fleets.fleetprovider')),
            ],
            options={
                'verbose_name': 'message to many',
                'verbose_name_plural': 'messages to many',
                'ordering': ('-id',),
                'constraints': [models.CheckConstraint(condition=models.Q(('body', ''), _negated=True), name='chat_announcement_not_empty')],
            },
        ),
    ]
