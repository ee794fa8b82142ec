"""What was approved stands: triggers on payments, lines, claims and payouts.

Until approval lines and claims are deleted and written anew by a calculation; afterwards nobody
touches them, nor the payment's amounts. A payout's key, amount and payee never change at all.
"""

from django.db import migrations

GUARDS = """
CREATE FUNCTION payments_frozen_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM touched t JOIN payments_payment p ON p.id = t.payment_id
        WHERE p.approved_at IS NOT NULL
    ) THEN
        PERFORM payments_refuse('payment_frozen', 'the payment is approved');
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION payments_never() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM payments_refuse('payment_frozen', 'rows of this table are not changed like this');
    RETURN NULL;
END $$;

CREATE FUNCTION payments_payment_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.batch_id, OLD.driver_id, OLD.provider_id, OLD.uuid, OLD.run_type, OLD.currency,
        OLD.period_starts_on, OLD.period_ends_on, OLD.earnings_amount, OLD.reimbursements_amount,
        OLD.cash_amount, OLD.deductions_amount, OLD.net_amount, OLD.carried_amount,
        OLD.payable_amount, OLD.calculation, OLD.approved_at)
    IS DISTINCT FROM
       (NEW.batch_id, NEW.driver_id, NEW.provider_id, NEW.uuid, NEW.run_type, NEW.currency,
        NEW.period_starts_on, NEW.period_ends_on, NEW.earnings_amount, NEW.reimbursements_amount,
        NEW.cash_amount, NEW.deductions_amount, NEW.net_amount, NEW.carried_amount,
        NEW.payable_amount, NEW.calculation, NEW.approved_at) THEN
        PERFORM payments_refuse('payment_frozen', 'the payment is approved');
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION payments_payout_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.key, OLD.payment_id, OLD.provider_id, OLD.funding_account_id, OLD.reference,
        OLD.amount, OLD.currency)
    IS DISTINCT FROM
       (NEW.key, NEW.payment_id, NEW.provider_id, NEW.funding_account_id, NEW.reference,
        NEW.amount, NEW.currency)
    OR (OLD.status NOT IN ('created', 'held')
        AND OLD.payout_account_id IS DISTINCT FROM NEW.payout_account_id) THEN
        PERFORM payments_refuse('payout_fixed', 'a payout is fixed before it is sent');
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER payments_payment_guard BEFORE UPDATE ON payments_payment FOR EACH ROW
    WHEN (OLD.approved_at IS NOT NULL) EXECUTE FUNCTION payments_payment_guard();
CREATE TRIGGER payments_payout_guard BEFORE UPDATE ON payments_payout FOR EACH ROW
    EXECUTE FUNCTION payments_payout_guard();
"""

TABLES = ("payments_paymentline", "payments_paymentclaim")
KEPT = ("payments_payment", "payments_payout", "payments_paymentbatch")

for _table in TABLES:
    GUARDS += f"""
CREATE TRIGGER payments_frozen_insert AFTER INSERT ON {_table}
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION payments_frozen_rows();
CREATE TRIGGER payments_frozen_delete AFTER DELETE ON {_table}
    REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION payments_frozen_rows();
CREATE TRIGGER payments_frozen_update BEFORE UPDATE ON {_table}
    FOR EACH ROW EXECUTE FUNCTION payments_never();
CREATE TRIGGER payments_frozen_truncate BEFORE TRUNCATE ON {_table}
    FOR EACH STATEMENT EXECUTE FUNCTION payments_never();
"""
for _table in KEPT:
    GUARDS += f"""
CREATE TRIGGER payments_kept_delete BEFORE DELETE ON {_table}
    FOR EACH ROW EXECUTE FUNCTION payments_never();
CREATE TRIGGER payments_kept_truncate BEFORE TRUNCATE ON {_table}
    FOR EACH STATEMENT EXECUTE FUNCTION payments_never();
"""

REVERSE = """
DROP FUNCTION payments_payment_guard() CASCADE;
DROP FUNCTION payments_payout_guard() CASCADE;
DROP FUNCTION payments_frozen_rows() CASCADE;
DROP FUNCTION payments_never() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_payments")]
    operations = [migrations.RunSQL(GUARDS, REVERSE)]
