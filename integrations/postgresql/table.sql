-- Table of the output `postgresql`. You may add columns, indexes, and partitions by id.
CREATE TABLE IF NOT EXISTS "sensor_events" (
    id text PRIMARY KEY,
    ts timestamptz,
    kind text NOT NULL,
    action text,
    severity text,
    sensor text,
    seq bigint NOT NULL,
    detector text,
    src_ip inet,
    dst_ip inet,
    device text,
    msg text,
    body jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS "sensor_events_ts" ON "sensor_events" (ts);
CREATE INDEX IF NOT EXISTS "sensor_events_device" ON "sensor_events" (device, ts) WHERE device IS NOT NULL;
CREATE INDEX IF NOT EXISTS "sensor_events_detector" ON "sensor_events" (detector, ts) WHERE detector IS NOT NULL;
