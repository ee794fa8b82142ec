"""Alarms, their pages, and who is on call."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0002_support_rules'),
        ('fleets', '0012_sandboxes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Alarm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('row_version', models.BigIntegerField(db_default=1, editable=False)),
                ('cause', models.CharField(choices=[('sos', 'SOS'), ('accident', 'accident')], max_length=16)),
                ('latitude', models.DecimalField(blank=True, decimal_places=6, max_digits=9, null=True)),
                ('longitude', models.DecimalField(blank=True, decimal_places=6, max_digits=9, null=True)),
                ('status', models.CharField(choices=[('ringing', 'ringing'), ('acknowledged', 'acknowledged')], default='ringing', editable=False, max_length=16)),
                ('raised_at', models.DateTimeField()),
                ('next_page_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('acknowledged_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('acknowledged_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('conversation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='alarms', to='chat.conversation')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fleets.fleetprovider')),
            ],
            options={
                'ordering': ('id',),
            },
        ),
        migrations.CreateModel(
            name='AlarmEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('row_version', models.BigIntegerField(db_default=1, editable=False)),
                ('provider_id', models.BigIntegerField(db_index=True)),
                ('from_state', models.CharField(blank=True, max_length=24)),
                ('to_state', models.CharField(max_length=24)),
                ('actor', models.CharField(max_length=80)),
                ('at', models.DateTimeField()),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('alarm', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='chat.alarm')),
            ],
            options={
                'ordering': ('id',),
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='OnCall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('row_version', models.BigIntegerField(db_default=1, editable=False)),
                ('position', models.PositiveSmallIntegerField(default=1)),
                ('ended_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fleets.fleetprovider')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'person on call',
                'verbose_name_plural': 'on call',
                'ordering': ('position', 'id'),
            },
        ),
        migrations.CreateModel(
            name='Page',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('row_version', models.BigIntegerField(db_default=1, editable=False)),
                ('number', models.PositiveIntegerField()),
                ('status', models.CharField(choices=[('waiting', 'waiting'), ('passed_on', 'passed on'), ('acknowledged', 'acknowledged'), ('called_off', 'called off')], default='waiting', max_length=16)),
                ('paged_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('alarm', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pages', to='chat.alarm')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fleets.fleetprovider')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('alarm_id', 'number'),
            },
        ),
        migrations.AddIndex(
            model_name='alarm',
            index=models.Index(condition=models.Q(('status', 'ringing')), fields=['next_page_at'], name='chat_alarm_to_page'),
        ),
        migrations.AddConstraint(
            model_name='alarm',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'ringing')), fields=('conversation',), name='chat_alarm_one_rings'),
        ),
        migrations.AddConstraint(
            model_name='alarm',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('acknowledged_at__isnull', True), ('next_page_at__isnull', False), ('status', 'ringing')), models.Q(('acknowledged_at__isnull', False), ('next_page_at__isnull', True), ('status', 'acknowledged')), _connector='OR'), name='chat_alarm_rings_on'),
        ),
        migrations.AddConstraint(
            model_name='alarm',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('latitude__isnull', True), ('longitude__isnull', True)), models.Q(('latitude__isnull', False), ('latitude__range', (-90, 90)), ('longitude__isnull', False), ('longitude__range', (-180, 180))), _connector='OR'), name='chat_alarm_position'),
        ),
        migrations.AddConstraint(
            model_name='oncall',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('provider', 'user'), name='chat_on_call_once'),
        ),
        migrations.AddConstraint(
            model_name='page',
            constraint=models.UniqueConstraint(fields=('alarm', 'number'), name='chat_page_number'),
        ),
        migrations.AddConstraint(
            model_name='page',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'waiting')), fields=('alarm',), name='chat_page_one_waits'),
        ),
        migrations.AddConstraint(
            model_name='page',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('status', 'waiting')), models.Q(models.Q(('status', 'waiting'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='chat_page_ended'),
        ),
    ]
