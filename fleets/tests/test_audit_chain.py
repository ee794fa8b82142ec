"""The audit trail's chain: sealed by one writer, and nothing done behind its back goes unseen."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from drivers import services as driver_services
from fleets import audit
from fleets.models import AuditEntry, AuditSeal
from fleets.services import sealing
from voltop import clock, crypto
from voltop.errors import NotFound
from voltop.tests.parallel import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def chains(cast):
    """Two companies' chains and the platform's, each a few links long."""
    for provider in (cast.a, cast.b):
        for name in ("North", "South", "West"):
            cast.depot(provider, name)
    sealing.seal()
    return cast


def forced(sql, *params):
    """As somebody who can do anything to the database, triggers and constraints switched off."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, params)
        cursor.execute("SET LOCAL session_replication_role = origin")


def found():
    return {(finding.kind, finding.chain, finding.n) for finding in sealing.verify().findings}


def test_every_entry_is_sealed_once_in_its_own_chain(chains):
    assert sealing.seal() == 0
    entries = AuditEntry.objects.unscoped()
    assert AuditSeal.objects.unscoped().count() == entries.count() > 6
    for provider in (chains.a, chains.b):
        links = AuditSeal.objects.for_provider(provider.pk).order_by("n")
        own = entries.filter(provider=provider)
        assert [link.n for link in links] == list(range(1, own.count() + 1))
        assert {link.entry_id for link in links} == set(own.values_list("pk", flat=True))
    report = sealing.verify()
    assert (report.findings, report.unsealed, report.links) == ([], 0, entries.count())


def test_entries_wait_for_the_sealer(chains):
    chains.depot()
    assert sealing.verify().unsealed == 1
    assert sealing.seal() == 1
    assert sealing.verify().unsealed == 0


@pytest.mark.parametrize(
    "column",
    ["actor", "action", "object_id", "object_type", "reason", "on_behalf_of", "request_id"],
)
def test_a_changed_text_is_found(chains, column):
    link = AuditSeal.objects.for_provider(chains.a.pk).get(n=2)
    forced(f"UPDATE fleets_auditentry SET {column} = 'x' WHERE id = %s", link.entry_id)
    assert found() == {("changed", str(chains.a.pk), 2)}


@pytest.mark.parametrize(
    "change",
    [
        "changes = '{\"status\": [1, 2]}'",
        "at = at + interval '1 microsecond'",
        "created_at = created_at + interval '1 microsecond'",
        "provider_id = NULL",
        "subject = 'drivers.driver:1'",
    ],
)
def test_any_other_change_is_found(chains, change):
    link = AuditSeal.objects.for_provider(chains.a.pk).get(n=2)
    forced(f"UPDATE fleets_auditentry SET {change} WHERE id = %s", link.entry_id)
    assert found() == {("changed", str(chains.a.pk), 2)}


def test_every_column_of_an_entry_is_covered():
    columns = {field.attname for field in AuditEntry._meta.concrete_fields}
    assert columns - set(sealing.COLUMNS) == {"updated_at", "row_version"}


@pytest.mark.django_db(transaction=True)
def test_a_removed_entry_is_found(chains):
    link = AuditSeal.objects.for_provider(chains.a.pk).get(n=2)
    forced("DELETE FROM fleets_auditentry WHERE id = %s", link.entry_id)
    assert found() == {("removed", str(chains.a.pk), 2)}


def test_an_entry_removed_with_its_link_is_found(chains):
    link = AuditSeal.objects.for_provider(chains.a.pk).get(n=2)
    forced("DELETE FROM fleets_auditseal WHERE id = %s", link.pk)
    forced("DELETE FROM fleets_auditentry WHERE id = %s", link.entry_id)
    assert found() == {("removed", str(chains.a.pk), 2)}


def test_links_counted_anew_after_a_removal_do_not_stand_on_each_other(chains):
    link = AuditSeal.objects.for_provider(chains.a.pk).get(n=2)
    forced("DELETE FROM fleets_auditseal WHERE id = %s", link.pk)
    forced("DELETE FROM fleets_auditentry WHERE id = %s", link.entry_id)
    moved = "UPDATE fleets_auditseal SET n = n - 1 WHERE provider_id = %s AND n > 2"
    forced(moved, chains.a.pk)
    assert ("relinked", str(chains.a.pk), 2) in found()


def test_an_inserted_entry_is_never_sealed_and_found(chains):
    forced(
        "INSERT INTO fleets_auditentry (provider_id, at, actor, on_behalf_of, action, object_type,"
        " object_id, changes, subject, reason, request_id, created_at)"
        " VALUES (%s, now(), 'user:1', '', 'policy.changed', 'fleets.fleetpolicy', '1', '{}', '',"
        " '', '', now() - interval '2 days')",
        chains.a.pk,
    )
    assert sealing.seal() == 0
    [finding] = sealing.verify().findings
    assert (finding.kind, finding.chain) == ("inserted", str(chains.a.pk))


def test_a_link_that_was_put_between_is_found(chains):
    """Whoever writes the tables does not hold the key of the chain."""
    chains.depot()
    entry = AuditEntry.objects.unscoped().latest("id")
    last = AuditSeal.objects.for_provider(chains.a.pk).latest("n")
    AuditSeal.objects.create(
        provider=chains.a, entry=entry, n=last.n + 1, prev_hash=last.hash, hash=bytes(32)
    )
    assert found() == {("changed", str(chains.a.pk), last.n + 1)}


def test_an_end_that_was_cut_off_is_found_by_the_heads_of_before(chains):
    heads = sealing.verify().heads
    last = AuditSeal.objects.for_provider(chains.a.pk).latest("n")
    forced("DELETE FROM fleets_auditseal WHERE id = %s", last.pk)
    forced("DELETE FROM fleets_auditentry WHERE id = %s", last.entry_id)
    assert sealing.verify().findings == [], "the chain alone cannot show it"
    [finding] = sealing.verify(heads).findings
    assert (finding.kind, finding.chain, finding.n) == ("removed", str(chains.a.pk), last.n)


def test_a_head_of_before_is_found_again_in_a_longer_chain(chains):
    heads = sealing.verify().heads
    chains.depot()
    sealing.seal()
    assert sealing.verify(heads).findings == []


def test_neither_entries_nor_links_are_changed_by_the_application(chains):
    for rows in (AuditEntry.objects.unscoped(), AuditSeal.objects.unscoped()):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            rows.filter(pk=rows.first().pk).update(provider=chains.b)
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            rows.filter(pk=rows.first().pk)._raw_delete("default")


def test_erasing_a_person_voids_the_values_and_keeps_the_chain(cast):
    driver = cast.new_driver("Vera")
    driver_services.update_driver(driver, actor=cast.actor(), phone="+525512345678")
    entry = AuditEntry.objects.get(action="driver.changed")
    sealing.seal()
    assert audit.reveal(entry, actor=cast.actor())["phone"][1] == "+525512345678"
    crypto.destroy(entry.subject, entry.provider_id)
    with pytest.raises(crypto.KeyDestroyed):
        audit.reveal(entry, actor=cast.actor())
    assert sealing.verify().findings == []
    driver_services.update_driver(driver, actor=cast.actor(), phone="+525512345679")
    assert AuditEntry.objects.latest("id").changes == {"phone": ["•", "•"]}


def test_looking_at_personal_values_is_an_entry_and_stays_within_the_company(cast, api):
    driver = cast.new_driver("Vera")
    driver_services.update_driver(driver, actor=cast.actor(), family_name="Velázquez")
    entry = AuditEntry.objects.get(action="driver.changed")
    with pytest.raises(NotFound):
        audit.reveal(entry, actor=cast.actor(cast.b))
    owner = api(cast.person(cast.a, "owner"))
    address = f"/api/v1/audit/{entry.pk}/"
    assert owner.get(address).json()["changes"]["family_name"] == ["•", "•"]
    answer = owner.post(f"{address}reveal/", {"reason": "asked for"}, format="json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["changes"]["family_name"][1] == "Velázquez"
    looked = AuditEntry.objects.get(action="audit_entry.revealed")
    assert (looked.object_id, looked.reason) == (str(entry.pk), "asked for")
    accountant = api(cast.person(cast.a, "accountant"))
    assert accountant.post(f"{address}reveal/", {}, format="json").status_code == 403


def test_a_value_moved_to_another_entry_cannot_be_read(cast):
    for name, phone in (("Vera", "+525512345678"), ("Walt", "+525512345679")):
        driver_services.update_driver(cast.new_driver(name), actor=cast.actor(), phone=phone)
    first, second = AuditEntry.objects.filter(action="driver.changed").order_by("id")
    second.changes, second.subject = first.changes, first.subject
    with pytest.raises(crypto.DecryptFailed):
        audit.reveal(second, actor=cast.actor())


def run_command(*args):
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command("verify_audit", *args, stdout=out, stderr=err)
    except SystemExit as ended:
        code = ended.code
    return code, json.loads(out.getvalue()), err.getvalue()


def test_the_command_prints_heads_and_takes_them_back(chains, tmp_path):
    code, line, said = run_command()
    assert (code, line["findings"], said) == (0, 0, "")
    noted = tmp_path / "heads.json"
    noted.write_text(json.dumps(line))
    assert run_command("--heads", str(noted))[0] == 0
    last = AuditSeal.objects.for_provider(chains.a.pk).latest("n")
    forced("DELETE FROM fleets_auditseal WHERE id = %s", last.pk)
    code, line, said = run_command("--heads", str(noted))
    assert code == 1
    assert line["findings"] == 1
    assert "removed" in said


@pytest.mark.django_db(transaction=True)
def test_two_sealers_at_once_make_one_chain(cast):
    for name in ("North", "South", "West"):
        cast.depot(cast.a, name)
    results = at_once([sealing.seal] * 4)
    assert not [result for result in results if isinstance(result, Exception)]
    sealing.seal()
    assert sealing.verify().findings == []
    assert sealing.verify().unsealed == 0


def test_what_was_written_late_in_a_long_transaction_is_sealed(chains):
    """An entry is dated by the start of its transaction, which may be before the last seal."""
    chains.depot()
    entry = AuditEntry.objects.unscoped().latest("id")
    forced(
        "UPDATE fleets_auditentry SET created_at = %s WHERE id = %s",
        clock.now() - timedelta(minutes=30),
        entry.pk,
    )
    assert sealing.seal() == 1
