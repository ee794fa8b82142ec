"""The triggers that keep the ledger honest, whoever writes: application, admin or raw SQL.

- All postings of an entry come in one statement: as many as its `legs`, numbered 1 to `legs`, of
  one currency, summing to zero, into accounts of the entry's provider and currency, in the very
  transaction that made the entry. Checked after the statement, on the rows it inserted.
- An entry without postings is refused when its transaction commits.
Changing, deleting and emptying are refused by the kernel's append-only triggers.
"""

from django.db import migrations

GUARDS = """
CREATE FUNCTION payments_refuse(guard text, told text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', told USING ERRCODE = 'check_violation', CONSTRAINT = guard;
END $$;

CREATE FUNCTION payments_postings_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT f.*, e.id AS known, e.legs, e.txid, e.currency AS entry_currency,
        e.provider_id AS entry_provider INTO wrong
    FROM (
        SELECT entry_id, count(*) AS n, min(leg) AS first, max(leg) AS last, sum(amount) AS total,
            min(currency) AS currency, max(currency) AS other_currency,
            min(provider_id) AS provider, max(provider_id) AS other_provider
        FROM fresh GROUP BY entry_id
    ) f
    LEFT JOIN payments_entry e ON e.id = f.entry_id
    WHERE (
        e.id IS NOT NULL AND f.total = 0
        AND f.n >= 2 AND f.n = e.legs AND f.first = 1 AND f.last = e.legs
        AND f.currency = f.other_currency AND f.currency = e.currency
        AND f.provider = f.other_provider AND f.provider = e.provider_id
        AND e.txid = pg_current_xact_id()
    ) IS NOT TRUE
    LIMIT 1;
    IF FOUND THEN
        IF wrong.known IS NULL THEN
            PERFORM payments_refuse('ledger_entry_known', 'postings need an entry');
        ELSIF wrong.txid <> pg_current_xact_id() THEN
            PERFORM payments_refuse('ledger_own_transaction',
                'postings are written in the transaction of their entry');
        ELSIF wrong.currency <> wrong.other_currency OR wrong.currency <> wrong.entry_currency THEN
            PERFORM payments_refuse('ledger_one_currency', 'an entry has one currency');
        ELSIF wrong.provider <> wrong.other_provider OR wrong.provider <> wrong.entry_provider THEN
            PERFORM payments_refuse('ledger_one_provider', 'an entry has one provider');
        ELSIF wrong.n < 2 OR wrong.n <> wrong.legs OR wrong.first <> 1
            OR wrong.last <> wrong.legs THEN
            PERFORM payments_refuse('ledger_all_legs',
                'all postings of an entry are written by one statement');
        ELSE
            PERFORM payments_refuse('ledger_balanced', 'the postings of an entry sum to zero');
        END IF;
    END IF;
    IF EXISTS (
        SELECT FROM fresh f LEFT JOIN payments_account a ON a.id = f.account_id
        WHERE (a.provider_id = f.provider_id AND a.currency = f.currency) IS NOT TRUE
    ) THEN
        PERFORM payments_refuse('ledger_account', 'an account of another provider or currency');
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER payments_postings_guard AFTER INSERT ON payments_posting
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION payments_postings_guard();

CREATE FUNCTION payments_entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM payments_posting WHERE entry_id = NEW.id) THEN
        PERFORM payments_refuse('ledger_entry_without_postings', 'an entry needs postings');
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER payments_entry_guard AFTER INSERT ON payments_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_entry_guard();
"""

REVERSE = """
DROP TRIGGER payments_entry_guard ON payments_entry;
DROP TRIGGER payments_postings_guard ON payments_posting;
DROP FUNCTION payments_entry_guard();
DROP FUNCTION payments_postings_guard();
DROP FUNCTION payments_refuse(text, text);
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_ledger")]
    operations = [migrations.RunSQL(GUARDS, REVERSE)]
