"""When answers are due. Who waits for whom now is taken to have waited since the last message."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0001_initial'),
        ('fleets', '0012_sandboxes'),
    ]

    operations = [
        migrations.CreateModel(
            name='SlaPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('row_version', models.BigIntegerField(db_default=1, editable=False)),
                ('opening_hours', models.JSONField(blank=True, default=dict)),
                ('holidays_off', models.BooleanField(default=True)),
                ('urgent_always', models.BooleanField(default=True)),
                ('urgent_first_min', models.PositiveIntegerField(blank=True, null=True, verbose_name='urgent, first answer (min)')),
                ('urgent_next_min', models.PositiveIntegerField(blank=True, null=True, verbose_name='urgent, further answers (min)')),
                ('high_first_min', models.PositiveIntegerField(blank=True, null=True, verbose_name='high, first answer (min)')),
                ('high_next_min', models.PositiveIntegerField(blank=True, null=True, verbose_name='high, further answers (min)')),
                ('normal_first_min', models.PositiveIntegerField(blank=True, null=True, verbose_name='normal, first answer (min)')),
                ('normal_next_min', models.PositiveIntegerField(blank=True, null=True, verbose_name='normal, further answers (min)')),
                ('warn_min', models.PositiveIntegerField(default=15)),
                ('off_hours_answer', models.BooleanField(default=True)),
                ('resolve_after_days', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('resolve_notice_days', models.PositiveSmallIntegerField(default=2)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.AddField(
            model_name='conversation',
            name='closing_warned_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='conversation',
            name='due_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='conversation',
            name='escalated_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='conversation',
            name='first_responded_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='conversation',
            name='first_response_due_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='conversation',
            name='held_s',
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='conversation',
            name='off_hours_answered_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='conversation',
            name='pending_since',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='conversation',
            name='waiting_since',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='conversation',
            name='warn_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='conversation',
            name='warned_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.RunSQL(
            """
            UPDATE chat_conversation SET
                waiting_since = CASE WHEN status = 'open' THEN last_message_at END,
                pending_since = CASE WHEN status = 'pending' THEN last_message_at END
            WHERE status <> 'resolved'
            """,
            migrations.RunSQL.noop,
        ),
        migrations.AddIndex(
            model_name='conversation',
            index=models.Index(condition=models.Q(('warn_at__isnull', False), ('warned_at__isnull', True)), fields=['warn_at'], name='chat_conversation_to_warn'),
        ),
        migrations.AddIndex(
            model_name='conversation',
            index=models.Index(condition=models.Q(('due_at__isnull', False), ('escalated_at__isnull', True)), fields=['due_at'], name='chat_conversation_to_escalate'),
        ),
        migrations.AddIndex(
            model_name='conversation',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['last_message_at'], name='chat_conversation_silent'),
        ),
        migrations.AddConstraint(
            model_name='conversation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'open'), ('waiting_since__isnull', False)), models.Q(models.Q(('status', 'open'), _negated=True), ('due_at__isnull', True), ('waiting_since__isnull', True), ('warn_at__isnull', True)), _connector='OR'), name='chat_conversation_waits_while_open'),
        ),
        migrations.AddConstraint(
            model_name='conversation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('pending_since__isnull', False), ('status', 'pending')), models.Q(models.Q(('status', 'pending'), _negated=True), ('pending_since__isnull', True)), _connector='OR'), name='chat_conversation_held_while_pending'),
        ),
        migrations.AddField(
            model_name='slapolicy',
            name='provider',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='sla_policy', to='fleets.fleetprovider'),
        ),
        migrations.AddConstraint(
            model_name='slapolicy',
            constraint=models.CheckConstraint(condition=models.Q(('resolve_after_days__isnull', True), ('resolve_after_days__gt', models.F('resolve_notice_days')), _connector='OR'), name='chat_sla_policy_notice_first'),
        ),
    ]
