"""The sample table: partitioned by UTC day, without foreign keys, widest columns first.

Whole numbers throughout, so that equal means equal and a row with its key stays below 150 bytes.
No DEFAULT partition: partitions are made before rows come (`telemetry.partitions`).
"""

from django.db import migrations

CREATE = """
CREATE TABLE telemetry_sample (
    vehicle_id bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    source_id integer NOT NULL,
    latitude_e7 integer,
    longitude_e7 integer,
    odometer_m integer,
    battery_power_w integer,
    accuracy_dm integer,
    altitude_m smallint,
    speed_kmh_x10 smallint,
    heading_deg_x10 smallint,
    soc_pct_x100 smallint,
    range_km_x10 smallint,
    battery_temp_c_x10 smallint,
    outside_temp_c_x10 smallint,
    charging smallint,
    plugged boolean,
    ignition boolean,
    occupied boolean,
    CONSTRAINT telemetry_sample_position CHECK (
        (latitude_e7 IS NULL) = (longitude_e7 IS NULL)
        AND latitude_e7 BETWEEN -900000000 AND 900000000
        AND longitude_e7 BETWEEN -1800000000 AND 1800000000
    ),
    CONSTRAINT telemetry_sample_soc CHECK (soc_pct_x100 BETWEEN 0 AND 10000),
    PRIMARY KEY (vehicle_id, recorded_at)
) PARTITION BY RANGE (recorded_at);
CREATE INDEX telemetry_sample_time ON telemetry_sample
    USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on);
COMMENT ON TABLE telemetry_sample IS 'One reading of one vehicle; see telemetry/samples.py';
"""


class Migration(migrations.Migration):

    dependencies = [("telemetry", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE telemetry_sample")]
