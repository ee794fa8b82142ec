"""The house rules, held by reading the code: floors, sizes, names, models, errors, tasks.

A rule that must be broken is broken by name, in a table here, with the reason.
"""

import ast
import inspect
import re
from collections import Counter

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, models
from django.template.engine import Engine

from voltop.celery import app as celery_app
from voltop.errors import DomainError
from voltop.models import Model
from voltop.tests import house
from voltop.tests.house import APPS, FLOORS, Source
from voltop.triggers import triggers_of

# What an app may import from an app below it.
PUBLIC_MODULES = ("models", "querysets", "services", "selectors", "signals", "errors")
ALSO_PUBLIC = {
    "fleets.records": "viewsets whose records are put by one's own key, shown with it, and in bulk",
    "fleets.audit": "the entry beside each privileged change, written by every app's services",
    "fleets.limits": "attempts at a face are counted where those at a password are",
    "fleets.admin": "the admin base that scopes by provider",
    "fleets.authentication": "telemetry's sources come with a token of their own kind",
    "fleets.principals": "the same: a source is one more kind of caller",
    "fleets.serializers": "the last step of a log-in answers with tokens as the others do",
    "fleets.iso3166": "the list of country codes",
    "shifts.gates": "the shape in which an app says what stands in the way of a start",
    "chat.subjects": "the shape in which an app shows what a conversation is about",
}
# Tables that are not a voltop.models.Model: no updated_at and row_version of their own.
NOT_A_MODEL: dict[str, str] = {}
SAVE_OVERRIDES: dict[str, str] = {}
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
UNDOCUMENTED_BASES = {"DomainError"}
WEAK_NAMES = {"utils", "helpers", "common", "misc", "base2"}
SIGNALS_OF_SAVING = {
    "pre_init", "post_init", "pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed",
}  # fmt: skip
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 60
MAX_TASK_LINES = 10
MAX_COUNTDOWN_S = 300


def app_of(dotted: str) -> str:
    return dotted.partition(".")[0]


def floor(app: str) -> int:
    return FLOORS.get(app, 0)


# --- floors --------------------------------------------------------------------------------------


def test_an_app_imports_only_from_floors_below_it():
    found = [
        source.at(node, f"{source.app} (floor {floor(source.app)}) imports {target}")
        for source in house.sources()
        if not source.is_test and (source.is_kernel or source.app != "voltop")
        for node, target in house.imports(source)
        if app_of(target) in FLOORS
        and app_of(target) != source.app
        and floor(app_of(target)) >= floor(source.app)
    ]
    assert not found, "\n".join(found)


def test_an_app_imports_only_the_public_modules_of_another():
    allowed = set(ALSO_PUBLIC) | {f"{app}.{name}" for app in FLOORS for name in PUBLIC_MODULES}
    found, used = [], set()
    for source in house.product():
        if source.app not in FLOORS:
            continue
        for node, target in house.imports(source):
            if app_of(target) not in FLOORS or app_of(target) == source.app:
                continue
            door = ".".join(target.split(".")[:2])
            used.add(door)
            if door not in allowed:
                found.append(source.at(node, f"imports {target}"))
    assert not found, "\n".join(found)
    assert not set(ALSO_PUBLIC) - used, "nobody needs these exceptions any more"


def test_no_app_imports_the_composition_root():
    roots = {f"voltop.{name}" for name in house.COMPOSITION_ROOT}
    own_secrets = "voltop.embedded.paths"  # the demo's keys, where the environment gives none
    found = [
        source.at(node, f"imports {target}")
        for source in house.product()
        if source.app in FLOORS
        for node, target in house.imports(source)
        if ".".join(target.split(".")[:2]) in roots and target != own_secrets
    ]
    assert not found, "\n".join(found)


def test_relations_and_migrations_obey_the_floors():
    found = []
    for source in house.sources():
        if source.is_test or not (source.is_kernel or source.app in FLOORS):
            continue
        targets = list(house.foreign_models(source))
        if source.is_migration:
            targets += house.migration_dependencies(source)
        found += [
            source.at(node, f"{source.app} refers to {target}")
            for node, target in targets
            if app_of(target) in FLOORS
            and app_of(target) != source.app
            and floor(app_of(target)) >= floor(source.app)
        ]
    assert not found, "\n".join(found)


def test_no_reverse_accessor_points_upwards():
    """`driver.shift_set` in drivers/ would know of shifts."""
    owner = {f"{model.__name__.lower()}_set": model._meta.app_label for model in own_models()}
    found = [
        source.at(node, f"{node.attr} belongs to {owner[node.attr]}")
        for source in house.product()
        if source.is_kernel or source.app in FLOORS
        for node in source.walk(ast.Attribute)
        if floor(owner.get(node.attr, "voltop")) > floor(source.app)
    ]
    assert not found, "\n".join(found)


# --- sizes and names -----------------------------------------------------------------------------


def test_no_file_is_longer_than_600_lines():
    long = {
        source.path: lines
        for source in house.sources()
        if not source.is_migration and (lines := source.text.count("\n")) > MAX_FILE_LINES
    }
    assert long.keys() == LONG_FILES.keys(), long


def test_no_function_is_longer_than_60_lines():
    long = {
        f"{source.path}::{node.name}": node.end_lineno - node.lineno + 1
        for source in house.sources()
        if not source.is_migration
        for node in house.functions(source)
        if node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    }
    assert long.keys() == LONG_FUNCTIONS.keys(), long


def test_no_module_has_a_name_that_says_nothing():
    weak = [source.path for source in house.sources() if WEAK_NAMES & set(source.parts)]
    assert not weak


def test_every_module_says_what_it_is():
    silent = [
        source.path
        for source in house.product()
        if source.text.strip() and ast.get_docstring(source.tree) is None
    ]
    assert not silent


# --- models --------------------------------------------------------------------------------------


def own_models() -> list[type[models.Model]]:
    found = [model for app in APPS for model in apps.get_app_config(app).get_models()]
    return [model for model in found if model._meta.managed and not model._meta.proxy]


def test_every_model_has_updated_at_and_row_version():
    strange = {m._meta.label for m in own_models() if not issubclass(m, Model)}
    assert strange == NOT_A_MODEL.keys()


@pytest.mark.django_db
def test_every_table_carries_its_triggers():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE NOT t.tgisinternal"
        )
        present = set(cursor.fetchall())
    wanted = {(m._meta.db_table, name) for m in own_models() for name in triggers_of(m)}
    assert not wanted - present
    assert len(wanted) > 20


def test_overlap_constraints_have_one_maker():
    wrong = [
        source.at(node, "voltop.constraints.no_overlap is the one form")
        for source in house.product()
        for node in source.walk(ast.Call)
        if house.called(node) == "ExclusionConstraint" and source.module != "voltop.constraints"
    ]
    assert not wrong, "\n".join(wrong)


def test_no_field_sets_itself_on_saving():
    found = [
        source.at(node, "auto_now")
        for source in house.sources()
        for node in source.walk(ast.Call)
        if {word.arg for word in node.keywords} & {"auto_now", "auto_now_add"}
    ]
    assert not found, "\n".join(found)


def test_no_model_overrides_save():
    found = {
        f"{model._meta.label}.{name}"
        for model in own_models()
        for base in model.__mro__
        if app_of(base.__module__) in APPS
        for name in ("save", "delete", "asave", "adelete", "save_base", "full_clean")
        if name in vars(base)
    }
    assert found == SAVE_OVERRIDES.keys()


def test_only_what_applies_a_term_deletes_what_is_never_changed():
    callers = {
        source.module
        for source in house.product()
        for node in source.walk(ast.Call)
        if house.called(node) == "forgetting"
    }
    assert callers == {"chat.services.retention"}


def test_nobody_listens_to_the_saving_of_models():
    found = [
        source.at(node, alias.name)
        for source in house.product()
        for node in source.walk(ast.ImportFrom)
        if (node.module or "").startswith("django.db.models")
        for alias in node.names
        if alias.name in SIGNALS_OF_SAVING
    ]
    found += [
        source.at(node, node.attr)
        for source in house.product()
        for node in source.walk(ast.Attribute)
        if node.attr in SIGNALS_OF_SAVING
    ]
    assert not found, "\n".join(found)


def test_money_knows_no_floating_point():
    found = []
    for source in house.product():
        if source.app != "payments" and source.module != "voltop.money":
            continue
        for node in ast.walk(source.tree):
            name = getattr(node, "id", getattr(node, "attr", ""))
            literal = isinstance(node, ast.Constant) and isinstance(node.value, float | complex)
            if literal or name in ("float", "FloatField", "StrictFloatField"):
                found.append(source.at(node, name or repr(node.value)))
        found += [
            source.at(node, target)
            for node, target in house.imports(source)
            if app_of(target) in ("math", "numpy", "statistics")
        ]
    assert not found, "\n".join(found)


# --- errors --------------------------------------------------------------------------------------


def test_every_error_code_is_unique_well_formed_and_has_words():
    for code, error in house.error_classes().items():
        assert re.fullmatch(r"[a-z][a-z0-9_]{2,59}", code), error
        assert 400 <= error.status < 600, error
        assert str(error.message).strip(), error


def test_every_error_is_documented_and_every_documented_error_exists():
    documented = Counter(house.documented_errors())
    classes = house.error_classes()
    actual = {(code, error.status) for code, error in classes.items()}
    lacking = "\n".join(
        f"| `{code}` | {status} | {classes[code].message} |"
        for code, status in sorted(actual - documented.keys())
    )
    assert not lacking, f"docs/errors.md lacks\n{lacking}"
    gone = sorted(documented.keys() - actual)
    assert not gone, f"docs/errors.md tells of errors that do not exist: {gone}"
    assert not [row for row, count in documented.items() if count > 1]


# --- admin, templates ----------------------------------------------------------------------------


def test_nothing_is_marked_safe():
    found = [
        source.at(node, "mark_safe")
        for source in house.product()
        for node in source.walk(ast.Name, ast.Attribute, ast.alias)
        if {getattr(node, name, "") for name in ("id", "attr", "name")}
        & {"mark_safe", "SafeString", "SafeText", "allow_tags", "html_safe"}
    ]
    folders = [folder for app in APPS for folder in (house.ROOT / app).rglob("templates")]
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if re.search(r"\|\s*safe\b|autoescape\s+off|safeseq", path.read_text(errors="replace")):
            found.append(str(path))
    assert not found, "\n".join(found)


def test_templates_escape_by_default():
    assert Engine.get_default().autoescape


# --- tasks ---------------------------------------------------------------------------------------


def tasks() -> list[tuple[Source, ast.FunctionDef]]:
    return [
        (source, node)
        for source in house.product()
        for node in house.functions(source)
        if house.decorators(node) & {"shared_task", "task"}
    ]


def test_tasks_are_thin_and_stand_in_tasks_modules():
    assert tasks()
    for source, node in tasks():
        assert "tasks" in source.parts, source.at(node, "a task outside tasks.py")
        assert house.body_lines(node) <= MAX_TASK_LINES, source.at(node, "a task that does much")


def test_every_task_is_bounded_by_the_settings_and_by_nothing_else():
    soft, hard = settings.CELERY_TASK_SOFT_TIME_LIMIT, settings.CELERY_TASK_TIME_LIMIT
    assert 0 < soft < hard < settings.CELERY_VISIBILITY_TIMEOUT
    transport = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    assert transport["visibility_timeout"] == settings.CELERY_VISIBILITY_TIMEOUT
    assert (celery_app.conf.task_soft_time_limit, celery_app.conf.task_time_limit) == (soft, hard)
    for source, node in tasks():
        for decorator in node.decorator_list:
            words = {word.arg for word in getattr(decorator, "keywords", [])}
            assert not words & {"time_limit", "soft_time_limit"}, source.at(node, "its own limit")


def test_every_task_of_ours_acknowledges_late():
    celery_app.loader.import_default_modules()
    own = {name: task for name, task in celery_app.tasks.items() if app_of(name) in APPS}
    assert own
    for name, task in own.items():
        assert task.acks_late, name
        assert task.reject_on_worker_lost, name
        assert task.ignore_result, name


def test_nothing_waits_in_the_broker_for_longer_than_five_minutes():
    found = []
    for source in house.product():
        for node in source.walk(ast.Call):
            for word in node.keywords:
                value = getattr(word.value, "value", None)
                short = isinstance(value, int) and value <= MAX_COUNTDOWN_S
                if word.arg == "eta" or (word.arg == "countdown" and not short):
                    found.append(source.at(node, f"{word.arg}=: longer waits live in PostgreSQL"))
    assert not found, "\n".join(found)


def test_every_entry_of_the_schedule_names_a_task_and_expires():
    celery_app.loader.import_default_modules()
    schedule = celery_app.conf.beat_schedule
    assert schedule
    for name, entry in schedule.items():
        assert entry["task"] in celery_app.tasks, name
        assert entry["options"]["expires"] > 0, name


# --- the rules can be broken ---------------------------------------------------------------------

BREACHES = {
    "from payments import services": "payments.services",
    "import payments.models": "payments.models",
    "from payments.models import Payment": "payments.models",
    "from ..payments.models import Payment": "payments.models",
    "def f():\n    from payments import tasks": "payments.tasks",
    "if TYPE_CHECKING:\n    from payments.models import X": "payments.models",
    "import_module('payments.models')": "payments.models",
    "apps.get_model('payments.Payment')": "payments.Payment",
}


@pytest.mark.parametrize(("text", "target"), BREACHES.items())
def test_an_import_is_found_in_whatever_form(text, target):
    source = Source("drivers/services.py", text)
    assert [found for _node, found in house.imports(source)] == [target]


def test_relations_and_dependencies_are_found():
    relation = Source("drivers/models.py", "x = models.ForeignKey('payments.Payment', PROTECT)")
    assert [t for _n, t in house.foreign_models(relation)] == ["payments.Payment"]
    text = "class Migration:\n    dependencies = [('payments', '0001'), ('fleets', '0002')]"
    migration = Source("drivers/migrations/0001_x.py", text)
    assert [t for _n, t in house.migration_dependencies(migration)] == ["payments", "fleets"]


def test_the_kernel_is_the_frame_without_its_composition_root():
    kernel = {source.module for source in house.sources() if source.is_kernel}
    assert {"voltop", "voltop.money", "voltop.api.parsers", "voltop.admin"} <= kernel
    assert not kernel & {"voltop.urls", "voltop.settings.base", "voltop.embedded.paths"}
    assert inspect.getsourcefile(DomainError).startswith(str(house.ROOT))


# What reads a text as HTML; Leaflet does so with a string, and not with an element that is made.
READS_HTML = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|setContent\("
    r"|bind(?:Popup|Tooltip)\((?!\(\) =>)"
)


def test_no_script_of_ours_reads_a_text_as_html():
    """Names of cars and drivers are what somebody typed, or sent by the API."""
    scripts = [path for path in house.ROOT.glob("*/static/**/*.js") if "leaflet" not in path.parts]
    assert {path.name for path in scripts} >= {"map.js", "swagger.js"}
    found = {path.name: READS_HTML.findall(path.read_text()) for path in scripts}
    assert {name: calls for name, calls in found.items() if calls} == {}
