"""`manage.py create_person`: a log-in for somebody whom a company will invite."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from fleets.models import AuditEntry, User

pytestmark = pytest.mark.django_db


def create(email="Ana@people.example", **options):
    return call_command(
        "create_person", email, "Ana Alba", password_env="ANAS", stdout=StringIO(), **options
    )


@pytest.fixture(autouse=True)
def password(monkeypatch):
    monkeypatch.setenv("ANAS", "a-long-enough-word")


def test_a_person_can_log_in_and_is_no_staff():
    user = User.objects.get(pk=create())
    assert (user.email, user.full_name, user.is_staff) == ("ana@people.example", "Ana Alba", False)
    assert user.check_password("a-long-enough-word")
    assert AuditEntry.objects.filter(action="user.created", object_id=str(user.pk)).exists()


def test_somebody_known_is_refused_or_left_as_they_are(monkeypatch):
    first = create()
    monkeypatch.setenv("ANAS", "quite-another-word")
    with pytest.raises(CommandError, match="somebody's log-in already"):
        create()
    assert create("ana@PEOPLE.example", if_missing=True) == first
    assert User.objects.get(pk=first).check_password("a-long-enough-word")


def test_a_weak_password_or_none_at_all_creates_nobody(monkeypatch):
    monkeypatch.setenv("ANAS", "short")
    with pytest.raises(CommandError):
        create()
    monkeypatch.delenv("ANAS")
    with pytest.raises(CommandError, match="has no ANAS"):
        create()
    assert not User.objects.filter(email="ana@people.example").exists()
