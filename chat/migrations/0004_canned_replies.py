"""Canned replies, and an index on the words of messages (`voltop.search.words_sql`)."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0003_calls_for_help'),
        ('fleets', '0012_sandboxes'),
    ]

    operations = [
        migrations.CreateModel(
            name='CannedReply',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('row_version', models.BigIntegerField(db_default=1, editable=False)),
                ('shortcut', models.CharField(max_length=40)),
                ('language', models.CharField(default='en', max_length=5)),
                ('body', models.TextField(max_length=4000)),
                ('retired_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fleets.fleetprovider')),
            ],
            options={
                'verbose_name_plural': 'canned replies',
                'ordering': ('shortcut', 'language', 'id'),
                'constraints': [models.UniqueConstraint(condition=models.Q(('retired_at__isnull', True)), fields=('provider', 'shortcut', 'language'), name='chat_canned_reply_once'), models.CheckConstraint(condition=models.Q(models.Q(('body', ''), _negated=True), models.Q(('shortcut', ''), _negated=True)), name='chat_canned_reply_not_empty')],
            },
        ),
        migrations.RunSQL(
            "CREATE INDEX chat_message_words ON chat_message USING gin ("
            "to_tsvector('simple', translate(lower(body), '"
            "àáâãäåçèéêëìíîïñòóôõöùúûüýÿāăąćĉċčďēĕėęěĝğġģĥĩīĭįĵķĺļľńņňōŏőŕŗřśŝşšţťũūŭůűųŵŷźżž"
            "øłđÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝŸĀĂĄĆĈĊČĎĒĔĖĘĚĜĞĠĢĤĨĪĬĮĴĶĹĻĽŃŅŇŌŎŐŔŖŘŚŜŞŠŢŤŨŪŬŮŰŲŴŶ"
            "ŹŻŽØŁĐ¿¡«»“”„‘’…–—·"
            "', '"
            "aaaaaaceeeeiiiinooooouuuuyyaaaccccdeeeeegggghiiiijklllnnnooorrrssssttuuuuuuwyzzz"
            "oldaaaaaaceeeeiiiinooooouuuuyyaaaccccdeeeeegggghiiiijklllnnnooorrrssssttuuuuuuwy"
            "zzzold             "
            "')))",
            "DROP INDEX chat_message_words",
        ),
    ]
