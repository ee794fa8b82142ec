"""The quick `migrate`: the same schema as Django's, and nothing lost on the way."""

import os
import subprocess
import sys

import pytest
from django.core.management import call_command, get_commands
from django.db import models
from django.db.migrations.operations import (
    AddConstraint,
    AddField,
    AlterField,
    CreateModel,
    RemoveConstraint,
)
from django.db.migrations.state import ProjectState

from voltop.embedded import paths
from voltop.embedded.services import Claim, Services
from voltop.management.commands.migrate import rendering_only_what_changes
from voltop.tests.embedded_instance import environment, instance_folder

SLOW_WAY = (
    "import sys, django; django.setup()\n"
    "from django.core.management import call_command\n"
    "from django.core.management.commands import migrate\n"
    "call_command(migrate.Command(), verbosity=0)\n"
)


def test_models_and_migrations_agree(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_the_rendered_models_follow_the_state():
    parent = CreateModel("Parent", [("id", models.BigAutoField(primary_key=True))])
    child = CreateModel(
        "Child",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("parent", models.ForeignKey("made.Parent", models.CASCADE, related_name="children")),
        ],
    )
    rule = models.CheckConstraint(condition=models.Q(id__gt=0), name="positive")
    with rendering_only_what_changes():
        state = ProjectState()
        assert state.apps is not None  # rendered from here on, as during a migration
        for operation in (parent, child, AddConstraint("Child", rule)):
            operation.state_forwards("made", state)
        rendered = state.apps.get_model("made", "Child")
        assert rendered._meta.get_field("parent").related_model is state.apps.get_model(
            "made", "Parent"
        )
        assert [c.name for c in rendered._meta.constraints] == ["positive"]
        related = state.apps.get_model("made", "Parent")._meta.related_objects
        assert [relation.name for relation in related] == ["children"]
        RemoveConstraint("Child", "positive").state_forwards("made", state)
        assert state.apps.get_model("made", "Child")._meta.constraints == []
        before = state.clone()
        for operation in (
            AddField(
                "Child", "friend", models.ForeignKey("made.Parent", models.CASCADE, null=True)
            ),
            AddField("Child", "note", models.CharField(max_length=10, default="")),
            AlterField("Child", "note", models.CharField(max_length=20, default="")),
        ):
            operation.state_forwards("made", state)
        rendered = state.apps.get_model("made", "Child")
        assert rendered._meta.get_field("note").max_length == 20
        assert rendered._meta.get_field("friend").related_model._meta.label == "made.Parent"
        old = before.apps.get_model("made", "Child")._meta
        assert [field.name for field in old.fields] == ["id", "parent"], "what was stays as it was"
        state.clear_delayed_apps_cache()  # as before each RunPython
        parent_now = state.apps.get_model("made", "Parent")
        assert state.apps.get_model("made", "Child")(friend=parent_now()).friend is not None


@pytest.mark.slow
def test_the_quick_way_makes_the_very_same_schema():
    quick = schema_made_by([sys.executable, "manage.py", "migrate", "--verbosity", "0"])
    slow = schema_made_by([sys.executable, "-c", SLOW_WAY])
    assert quick.count("CREATE TABLE") > 50
    assert quick == slow


def schema_made_by(command: list[str]) -> str:
    with instance_folder() as home:
        services = Services(Claim(home))
        try:
            services.postgres.initialise(sync=False)
            services.start()
            services.postgres.ensure_role()
            services.postgres.ensure_database()
            settings = {"DJANGO_SETTINGS_MODULE": "voltop.settings.base"}
            env = environment(home, **settings, VOLTOP_STATEMENT_TIMEOUT_MS="0")
            subprocess.run(command, cwd=paths.CHECKOUT, env=env, check=True)
            dump = subprocess.run(
                [
                    services.binaries.postgres.with_name("pg_dump"),
                    *("--schema-only", "--host", services.layout.run_dir),
                    *("--username", "postgres", paths.DATABASE),
                ],
                env={**os.environ, "LC_ALL": "C"},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        finally:
            services.stop()
            services.claim.close()
    return "\n".join(line for line in dump.splitlines() if "restrict" not in line)


def test_no_other_app_shadows_the_command():
    assert get_commands()["migrate"] == "voltop"
